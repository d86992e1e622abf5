"""Random metal and variation."""

import numpy as np
import pytest

from marview.errors import BadInput
from marview.learning.augment import augment, resized
from marview.learning.bank import Bank
from marview.learning.metal import draw_implant, draw_metal
from marview.learning.phantoms import REGIONS, draw_phantom, draw_region
from marview.learning.recipe import Augmentation, Data, Metal
from marview.learning.scenes import draw_scene
from marview.slices.shapes import tissue_of

STILL = Augmentation(flip=0, rotation_deg=0, scale=(1, 1), shift_px=0, warp_px=0, crop=0, noise_hu=0, blur_px=0)


@pytest.fixture
def hu(bank: Bank) -> np.ndarray:
    return bank.slices[0].astype(np.float32)


def test_without_variation_a_slice_is_unchanged(hu) -> None:
    still = augment(hu, hu.shape, STILL, np.random.default_rng(1))
    np.testing.assert_allclose(still, hu, atol=0.5)


def test_a_varied_slice_keeps_its_tissues(hu) -> None:
    for seed in range(5):
        varied = augment(hu, (96, 96), Augmentation(), np.random.default_rng(seed))
        assert varied.shape == (96, 96)
        assert varied.dtype == np.float32
        assert varied.min() >= -1000
        assert np.median(varied[tissue_of(varied)]) == pytest.approx(40, abs=15)
        assert 200 < np.percentile(varied, 99.5) < 700


def test_scaling_scales_the_body(hu) -> None:
    small = augment(hu, hu.shape, STILL.model_copy(update={"scale": (0.5, 0.5)}), np.random.default_rng(1))
    assert (small > -500).sum() == pytest.approx((hu > -500).sum() / 4, rel=0.05)


def test_a_quarter_turn_turns(hu) -> None:
    how = STILL.model_copy(update={"rotation_deg": 90.0})
    bone = np.argwhere(augment(hu, hu.shape, how, _Turned()) > 300).mean(axis=0)
    before = np.argwhere(hu > 300).mean(axis=0)
    middle = (np.array(hu.shape) - 1) / 2
    assert np.linalg.norm(bone - middle) == pytest.approx(np.linalg.norm(before - middle), abs=1)
    assert abs(np.dot(bone - middle, before - middle)) < 20


class _Turned:
    """A random generator that always returns the maximum, without warp."""

    def uniform(self, low, high, size=None):
        return high if size is None else np.zeros(size)

    def random(self, size=None):
        return 1.0 if size is None else np.ones(size)


def test_resizing_to_its_own_size_changes_nothing(hu) -> None:
    assert resized(hu, hu.shape) is hu
    assert resized(hu, (64, 64)).shape == (64, 64)


def test_random_metal_lies_in_tissue_and_has_the_area_asked_for(hu) -> None:
    how = Metal(area_px=(2000, 2000), pieces=(1, 3), implants=0)  # on 416 x 416
    areas = []
    for seed in range(8):
        shares = draw_metal(hu, how, np.random.default_rng(seed))
        assert set(shares) <= set(how.materials)
        total = np.sum(list(shares.values()), axis=0)
        assert not (total > 0)[~tissue_of(hu)].any()
        assert total.max() <= 1 + 1e-5
        areas.append(total.sum())
    assert np.median(areas) == pytest.approx(2000 * (128 / 416) ** 2, rel=0.35)


def test_implants_are_drawn_where_they_find_their_place(hu) -> None:
    how = Metal(implants=1.0)
    for seed in range(4):
        shares = draw_metal(hu, how, np.random.default_rng(seed))
        assert sum(np.count_nonzero(each) for each in shares.values()) >= 4


def test_implant_has_the_requested_material_or_finds_no_place(hu) -> None:
    shares = draw_implant(hu, "random", "au", 3.0, np.random.default_rng(0))
    assert set(shares) == {"au"}
    assert draw_implant(np.full_like(hu, -1000), "random", "au", 3.0, np.random.default_rng(0)) == {}


def test_air_holds_no_metal() -> None:
    with pytest.raises(BadInput, match="no tissue"):
        draw_metal(np.full((64, 64), -1000, np.float32), Metal(), np.random.default_rng(0))


def test_slices_of_air_are_a_sentence() -> None:
    empty = Bank([np.full((64, 64), -1000, np.int16)], ["air"])
    with pytest.raises(BadInput, match="slices in a row contain no tissue"):
        draw_scene(empty, Data(protocols=("adn-256",), phantoms=0), (0, 0, 0, 0))


def test_chance_covers_protocols_kernels_and_photons(bank) -> None:
    how = Data(protocols=("adn-256", "syndeeplesion-640"), phantoms=0, reprojected=0.5, augmentation=STILL)
    scenes = [draw_scene(bank, how, (0, 0, 0, number)) for number in range(12)]
    assert {each.protocol for each in scenes} == set(how.protocols)
    assert 0 < sum(bool(each.kernel) for each in scenes) < 12
    assert all(how.photons[0] <= each.photons <= how.photons[1] for each in scenes)


def test_painted_bodies_are_slices_too() -> None:
    slice_ = draw_phantom(np.random.default_rng(0))
    assert slice_.shape == (416, 416)
    assert (slice_ > -500).mean() > 0.1


def test_painted_regions_differ() -> None:
    jaw, pelvis = (draw_region(region, np.random.default_rng(0)) for region in ("jaw", "pelvis"))
    assert REGIONS == ("pelvis", "spine", "jaw")
    assert jaw.shape == pelvis.shape == (416, 416)
    assert jaw.max() > 2000  # enamel
    assert (jaw != pelvis).any()
