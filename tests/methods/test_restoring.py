"""Restore the cut-off streak between two dense rods in a body."""

import numpy as np
import pytest
import torch

from marview.methods.restoring import cut_off
from marview.physics.attenuation import hu_to_mu
from marview.worker.front_end import FrontEnd
from marview.worker.resampling import SliceFrame

SIZE, PIXEL_MM = 256, 1.5
Y, X = (np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2) * PIXEL_MM


@pytest.fixture(scope="module")
def scan() -> tuple[np.ndarray, np.ndarray]:
    """A body with two opaque rods on the whole HU scale, and the rods."""
    body = np.where((X / 170) ** 2 + (Y / 110) ** 2 < 1, 20.0, -1000.0)
    metal = (np.hypot(X - 85, Y) < 14) | (np.hypot(X + 85, Y) < 14)
    front = FrontEnd(SliceFrame((SIZE, SIZE), (PIXEL_MM, PIXEL_MM)), torch.device("cpu"))
    body[metal] = 12_000
    case = front.case(body.round().astype(np.int16)[None], metal[None], [0])
    starved = case.sinogram.clamp(max=9)
    image = case.reconstruct(starved)
    hu = body + front.frame.to_native((image - case.mu) * 1000 / float(hu_to_mu(torch.tensor(0.0))))[0].numpy()
    hu += np.random.default_rng(3).normal(0, 8, hu.shape)
    return hu.round().clip(-32768, 32767).astype(np.int16)[None], metal[None]


@pytest.fixture(scope="module")
def front() -> FrontEnd:
    return FrontEnd(SliceFrame((SIZE, SIZE), (PIXEL_MM, PIXEL_MM)), torch.device("cpu"))


def test_restoring_brings_the_forward_projection_outside_the_trace_nearer_to_the_whole_scale(front, scan) -> None:
    hu, metal = scan
    assert hu.min() < -1500
    clipped = hu.clip(-1024, 3071)
    whole, stored = front.case(hu, metal, [0]), front.case(clipped, metal, [0])
    restored, found = front.restored(stored, clipped, metal)
    assert found == [0]

    def error(case: object) -> float:
        difference = (case.sinogram - whole.sinogram)[~whole.trace]
        return float(difference.square().mean().sqrt())

    assert error(restored) < 0.7 * error(stored)
    assert bool((restored.hu <= stored.hu + 1e-3).all())


def test_only_pixels_beside_what_the_file_cut_off_change(front, scan) -> None:
    hu, metal = scan
    clipped = hu.clip(-1024, 3071)
    stored = front.case(clipped, metal, [0])
    restored, _ = front.restored(stored, clipped, metal)
    beside = front.frame.share_to_processing(clipped == -1024) == 0
    near = torch.nn.functional.max_pool2d((~beside).float(), 17, 1, 8) > 0
    assert torch.equal(restored.hu[~near], stored.hu[~near])


def test_nothing_is_restored_in_a_file_of_the_whole_scale(front, scan) -> None:
    hu, metal = scan
    case = front.case(hu, metal, [0])
    assert not cut_off(hu, metal).any()
    assert front.restored(case, hu, metal) == (case, [])


@pytest.mark.parametrize("floor_hu", [-1000, -1024, -1200])
def test_cut_off_streaks_are_found_at_any_lowest_value(scan, floor_hu: int) -> None:
    hu, metal = scan
    dark = (hu <= floor_hu) & ~metal
    np.testing.assert_array_equal(cut_off(hu.clip(floor_hu, 3071), metal), dark)


def test_padding_and_a_little_gas_were_not_cut_off() -> None:
    hu = np.where((X / 170) ** 2 + (Y / 110) ** 2 < 1, 20, -990).astype(np.int16)
    hu[np.hypot(X, Y) > 190] = -1024
    metal = (np.hypot(X, Y) < 8)[None]
    assert not cut_off(hu[None], metal).any()
    hu[np.hypot(X - 40, Y) < 3] = -1024
    assert not cut_off(hu[None], metal).any()
