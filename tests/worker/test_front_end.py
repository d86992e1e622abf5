import math

import numpy as np
import pytest
import torch

from marview.errors import MethodFailed
from marview.methods.api import MarResult
from marview.methods.trace_completion import grown
from marview.worker.front_end import FrontEnd, checked_result, consistency, processing_beam, too_much_metal
from marview.worker.resampling import SliceFrame


@pytest.fixture(scope="module")
def body() -> tuple[np.ndarray, np.ndarray]:
    """A noisy disc of 320 mm with a metal rod off its centre, two slices of 512 x 512 at 0.75 mm."""
    y, x = np.mgrid[:512, :512] * 0.75 - 0.75 * 255.5
    hu = np.where(np.hypot(x, y) < 160, 40.0, -1000.0)
    hu = hu + np.random.default_rng(5).normal(0, 20, (2, 512, 512))
    mask = np.broadcast_to(np.hypot(x - 40, y) < 6, hu.shape).copy()
    hu[mask] = 6000
    return np.rint(hu).astype(np.int16), mask


@pytest.fixture(scope="module")
def front() -> FrontEnd:
    return FrontEnd(SliceFrame((512, 512), (0.75, 0.75)), torch.device("cpu"))


def test_the_beam_equals_the_protocols_in_pixels() -> None:
    beam = processing_beam(0.36923077)
    assert (beam.views, beam.bins) == (640, 641)
    assert beam.angles_rad[0] == pytest.approx(0.5 * 2 * math.pi / 640)
    assert beam.source_to_isocentre_mm == pytest.approx(396.9, abs=0.1)
    assert beam.bins * beam.bin_mm == pytest.approx(434.446, abs=0.01)


def test_the_named_protocol_gives_the_beam() -> None:
    from marview.physics import protocol, protocol_names

    for name in protocol_names():
        found = protocol(name)
        if "syndeeplesion" in name.lower():
            ours = processing_beam(found.pixel_mm)
            assert found.beam.bin_mm == pytest.approx(ours.bin_mm, rel=1e-4)
            assert found.beam.source_to_isocentre_mm == pytest.approx(ours.source_to_isocentre_mm, rel=1e-4)


def test_a_method_that_changes_nothing_changes_nothing(front: FrontEnd, body) -> None:
    hu, mask = body
    case = front.case(hu, mask, [0, 1])
    assert not front.correction(case.hu, case.hu.clone(), hu, mask, restore_metal=True).any()


def test_metal_is_restored_unless_asked_otherwise(front: FrontEnd, body) -> None:
    hu, mask = body
    before = torch.zeros(2, 416, 416)
    for restores in (True, False):
        correction = front.correction(before, before + 100, hu, mask, restore_metal=restores)
        assert bool(correction[mask].any()) is not restores
        np.testing.assert_allclose(correction[:, 100:400, 100:400][~mask[:, 100:400, 100:400]], 100, atol=0.01)


def test_padding_is_never_changed(front: FrontEnd) -> None:
    hu = np.full((1, 512, 512), 40, np.int16)
    hu[:, :, :100] = -2000
    before = torch.zeros(1, 416, 416)
    correction = front.correction(before, before + 50, hu, np.zeros(hu.shape, bool), restore_metal=True)
    assert not correction[:, :, :100].any()
    assert correction[0, 256, 256] == pytest.approx(50)


def test_no_correction_goes_below_vacuum(front: FrontEnd, body) -> None:
    hu, mask = body
    before = torch.zeros(2, 416, 416)
    corrected = hu + front.correction(before, before - 3000, hu, mask, restore_metal=True)
    assert (corrected >= np.minimum(hu, -1024)).all()
    assert corrected[0, 256, 200] == -1024


def test_slices_are_corrected_alike_alone_and_together(front: FrontEnd, body) -> None:
    hu, mask = body
    before = front.case(hu, mask, [0, 1]).hu
    after = before - torch.linspace(0, 500, before.shape[-1])
    together = front.correction(before, after, hu, mask, restore_metal=True)
    assert together.dtype == np.float32
    for k in range(2):
        one = slice(k, k + 1)
        alone = front.correction(before[one], after[one], hu[one], mask[one], restore_metal=True)
        np.testing.assert_allclose(together[one], alone, atol=1e-4)


def test_far_from_metal_noise_and_edges_stay(front: FrontEnd, body) -> None:
    """Adding a correction keeps them within 2 %; replacing the slice would blur it."""
    hu, mask = body
    case = front.case(hu, mask, [0, 1])
    result = MarResult.from_sinogram(case, case.li_sinogram)
    corrected = hu + front.correction(case.hu, result.hu, hu, mask, restore_metal=True)
    roi = np.s_[:, 206:306, 90:160]
    assert corrected[roi].std() == pytest.approx(hu[roi].std(), rel=0.02)

    def edge_px(image: np.ndarray) -> float:
        profile = image[:, 236:276, :120].mean(axis=(0, 1))
        ends = [np.interp(-1000 + share * 1040, np.maximum.accumulate(profile), np.arange(120)) for share in (0.1, 0.9)]
        return float(ends[1] - ends[0])

    assert edge_px(corrected) == pytest.approx(edge_px(hu.astype(float)), rel=0.02)
    blurred = front.frame.to_native(case.projector.fbp(case.sinogram))[roi].numpy() / 0.192 * 1000
    assert blurred.std() < 0.9 * hu[roi].std()


def test_the_trace_belongs_to_the_mask_grown_by_one_pixel(front: FrontEnd, body) -> None:
    case = front.case(*body, [0, 1])
    assert torch.equal(case.trace, case.projector.trace(grown(case.metal)))
    assert case.trace.sum() > case.projector.trace(case.metal).sum()


def test_growing_by_a_pixel_makes_a_cross() -> None:
    dot = torch.zeros(1, 5, 5, dtype=torch.bool)
    dot[0, 2, 2] = True
    dot[0, 0, 0] = True
    assert grown(dot)[0].int().tolist() == [
        [1, 1, 0, 0, 0],
        [1, 0, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0],
    ]


def test_consistency_is_zero_for_the_image_itself_and_in_the_trace(front: FrontEnd, body) -> None:
    case = front.case(*body, [0, 1])
    assert float(consistency(case, case.hu).abs().max()) < 1e-4
    off = consistency(case, case.hu + 50)
    assert not off[case.trace].any()
    assert float(off[~case.trace].abs().max()) > 0.05


def test_a_changed_input_is_refused_and_a_good_result_passes(front: FrontEnd, body) -> None:
    case = front.case(*body, [0, 1])
    before = case.hu.clone()
    checked_result(MarResult(case.hu + 1), case, before, "good")
    with pytest.raises(MethodFailed, match="corrected sinogram of bad"):
        checked_result(MarResult(case.hu, corrected_sinogram=case.sinogram[:, 1:]), case, before, "bad")
    case.hu[0, 0, 0] += 1
    with pytest.raises(MethodFailed, match="modified its input"):
        checked_result(MarResult(case.hu), case, before, "bad")


def test_much_metal_is_warned_of() -> None:
    assert too_much_metal(0.05, 3) is None
    assert "Slice 3: metal hides 40% of the sinogram" in str(too_much_metal(0.4, 3))


@pytest.mark.parametrize("floor_hu", [-1000, -1024])
def test_no_result_falls_below_the_lowest_value_of_the_file(front: FrontEnd, body, floor_hu: int) -> None:
    hu, mask = body
    clipped = hu.clip(floor_hu, 3071)
    before = torch.zeros(2, 416, 416)
    corrected = clipped + front.correction(before, before - 3000, clipped, mask, restore_metal=True)
    assert corrected.min() >= floor_hu
