"""Metal of any material is found, and nothing else."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy import ndimage

from marview.metrics.overlap import dice
from marview.volume.segment import adaptive, threshold

SPACING = (3.0, 0.8, 0.8)


def body(slices: int = 3, size: int = 160) -> np.ndarray:
    """Soft tissue with a shell of cortical bone and noise."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    image = np.where(np.hypot(x, y) < 0.9, 40.0, -1000.0)
    image[np.abs(np.hypot(x + 0.4, y) - 0.2) < 0.03] = 1400
    noise = np.random.default_rng(0).normal(0, 20, (slices, size, size))
    return (image + noise).astype(np.int16)


def with_pin(metal_hu: float, radius: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """A body with a metal pin, blurred like in a scanner, and the pin."""
    hu = body()
    y, x = np.ogrid[:160, :160]
    pin = np.broadcast_to((y - 80) ** 2 + (x - 110) ** 2 <= radius**2, hu.shape)
    height = ndimage.gaussian_filter(pin.astype(np.float32), (0, 0.7, 0.7)) * (metal_hu - 40)
    return np.clip(hu + height, -1024, 32767).astype(np.int16), pin


@pytest.mark.parametrize("metal_hu", [3500, 8000, 16000, 30000])
def test_a_pin_is_found_at_its_edge_whatever_its_material(metal_hu: float) -> None:
    hu, pin = with_pin(metal_hu)
    assert dice(adaptive(hu, SPACING).mask, pin) > 0.95


def test_a_fixed_threshold_takes_the_blur_of_dense_metal_for_metal() -> None:
    hu, pin = with_pin(30000)
    assert dice(threshold(hu, 2000), pin) < 0.9


@pytest.mark.parametrize("radius", [1, 6])
def test_a_clipped_pin_is_found_with_a_note_on_clipping(radius: int) -> None:
    hu, pin = with_pin(12000, radius)
    found = adaptive(np.minimum(hu, 3071), SPACING)
    assert dice(found.mask, pin) > (0.8 if radius == 6 else 0.4)
    assert found.mask[pin].mean() > 0.95
    assert "clipped at 3071" in found.notes[0]


def test_a_body_without_metal_gives_an_empty_mask_and_a_sentence() -> None:
    found = adaptive(body(), SPACING)
    assert not found.mask.any()
    assert math.isnan(found.threshold_hu)
    assert "No metal" in found.notes[-1]


def test_bone_beside_metal_stays_out() -> None:
    hu, _ = with_pin(8000)
    bone = hu > 1000
    bone[:, :, 95:] = False
    assert bone.any()
    assert not (adaptive(hu, SPACING).mask & bone).any()


def test_streaks_that_pass_2000_hu_stay_out() -> None:
    hu, pin = with_pin(30000, 3)
    streak = np.zeros(pin.shape, bool)
    streak[:, 80, 116:150] = True
    hu[streak] = 3000
    found = adaptive(hu, SPACING).mask
    assert (threshold(hu, 2000) & streak).any()
    assert not (found & streak).any()


@pytest.mark.parametrize("away", [12, 20, 30])
def test_a_second_metal_is_found_beside_one_many_times_as_dense(away: int) -> None:
    hu, amalgam = with_pin(32767, 6)
    hu[amalgam] = 30710  # where an extended scale ends
    y, x = np.ogrid[:160, :160]
    crown = np.broadcast_to((y - 80) ** 2 + (x - 110 + 6 + away) ** 2 <= 36, hu.shape)
    hu[crown] = 13000
    found = adaptive(hu, SPACING).mask
    assert dice(found & crown, crown) > 0.95
    assert dice(found, amalgam | crown) > 0.95


def test_the_blur_inside_a_crown_is_not_metal() -> None:
    hu = body(1)
    y, x = np.ogrid[:160, :160]
    away = np.hypot(y - 80, x - 110)[None]
    crown = (away <= 13) & (away > 10)
    tooth = np.where(away <= 13, 2300, 40.0)
    hu[0] = ndimage.gaussian_filter(np.where(crown, 16000, tooth)[0], 1.2)
    found = adaptive(hu, SPACING).mask
    assert dice(found, crown) > 0.85
    assert not found[0, 80 - 8 : 80 + 9, 110 - 3 : 110 + 4].any()


def test_the_series_decides_not_the_slice() -> None:
    hu, pin = with_pin(8000)
    # In the slice where the pin starts, its values could be bone; its neighbours show that it is metal.
    hu[2] = np.where(pin[2], 2300, body()[2])
    assert adaptive(hu[2:], SPACING).mask.sum() == 0
    assert adaptive(hu, SPACING).mask[2][pin[2]].all()


def test_a_hollow_of_photon_starvation_is_filled_but_tissue_in_a_loop_is_not() -> None:
    y, x = np.ogrid[:160, :160]
    away = np.hypot(y - 80, x - 110)
    starved, loop = body(1), body(1)
    starved[0][away <= 14] = 12000
    starved[0][(away <= 14) & (away > 11)] = 30000
    loop[0][(away <= 14) & (away > 11)] = 30000
    assert adaptive(starved, SPACING).mask[0, 80, 110]
    assert not adaptive(loop, SPACING).mask[0, 80, 110]


def test_a_voxel_or_two_are_not_metal() -> None:
    hu = body()
    hu[1, 80, 100:102] = 9000
    assert not adaptive(hu, SPACING).mask.any()


def test_one_slice_is_enough() -> None:
    hu, pin = with_pin(8000)
    assert dice(adaptive(hu[:1], SPACING).mask, pin[:1]) > 0.95


@pytest.mark.parametrize(("top_hu", "said"), [(3071, "clipped at 3071"), (8000, "clipped at 8000")])
def test_one_sentence_says_where_a_scale_ends_and_whether_it_is_extended(top_hu: int, said: str) -> None:
    hu, _ = with_pin(12000)
    (note,) = adaptive(np.minimum(hu, top_hu), SPACING).notes
    assert said in note
    assert ("extended" in note) == (top_hu > 3071)


def test_an_extended_scale_that_is_not_clipped_gets_a_note() -> None:
    hu, _ = with_pin(8000)
    (note,) = adaptive(hu, SPACING).notes
    assert "extended" in note
    assert "clipped" not in note


def test_sternal_wires_are_found_where_they_are_and_ribs_are_not(shared_data) -> None:
    import pydicom

    files = [pydicom.dcmread(file) for file in sorted((shared_data / "real_metal" / "sternal_wires").iterdir())]
    files.sort(key=lambda file: float(file.ImagePositionPatient[2]))
    slope, intercept = float(files[0].RescaleSlope), float(files[0].RescaleIntercept)
    hu = np.stack([file.pixel_array * slope + intercept for file in files]).astype(np.int16)
    found = adaptive(hu, (1.0, 0.76, 0.76))
    with_metal = np.flatnonzero(found.mask.any(axis=(1, 2)))
    assert (with_metal.min(), with_metal.max()) == (6, 33)
    assert found.mask[hu > 2000].mean() > 0.99
    _, rows, columns = np.nonzero(found.mask)
    # All metal lies at the sternum, within 35 by 55 pixels of a chest of 512.
    assert np.ptp(rows) < 36
    assert np.ptp(columns) < 56
    assert "clipped at 3071" in found.notes[0]


def test_the_femoral_nail_is_found_and_the_other_hip_is_not(shared_data) -> None:
    import nibabel

    array = np.asarray(nibabel.load(shared_data / "real_metal" / "femoral_nail.nii.gz").dataobj)
    hu = array.T.astype(np.int16)
    found = adaptive(hu, (3.0, 3.0, 3.0))
    with_metal = np.flatnonzero(found.mask.any(axis=(1, 2)))
    assert (with_metal.min(), with_metal.max()) == (0, 16)
    assert found.mask[hu > 2000].mean() > 0.95
    _, _, columns = np.nonzero(found.mask)
    assert np.ptp(columns) < 30
    assert not any("clipped" in note for note in found.notes)


def test_real_slices_without_metal_stay_empty(shared_data) -> None:
    import tifffile

    slices = (2 * tifffile.imread(shared_data / "metal_free" / "validation.tif").astype(np.int32) - 1024).astype(
        np.int16
    )
    found = [adaptive(image[None], SPACING) for image in slices]
    assert not any(each.mask.any() for each in found)
    # Three slices of one patient show electrodes of 2900 HU on the skin: metal, but outside the body.
    assert [z for z, each in enumerate(found) if each.doubtful is not None] == [43, 44, 45]


def test_bloom_between_two_deep_pieces_is_metal_only_on_a_clipped_scale() -> None:
    """A head and a cup, clipped, with bloom between; a hollow that photon starvation left inside stays metal."""
    y, x = np.ogrid[:80, :80]
    left, right = np.hypot(y - 40, x - 26) < 11, np.hypot(y - 40, x - 52) < 11
    hu = np.full((1, 80, 80), 40, np.int16)
    hu[0, 60:75, 5:75] = 1100  # bone, which brings the threshold down to where bloom lies
    hu[0, 33:48, 26:52] = 2500
    hu[0, left | right] = 3071
    np.testing.assert_array_equal(adaptive(hu, (3.0, 0.8, 0.8)).mask[0], left | right)
    hu[0, np.hypot(y - 40, x - 26) < 3] = 2500
    np.testing.assert_array_equal(adaptive(hu, (3.0, 0.8, 0.8)).mask[0], left | right)
    hu[0, 25:40, 26] = 2500  # a notch in the rim, a pixel wide, that leads to it
    assert adaptive(hu, (3.0, 0.8, 0.8)).mask[0, left].all()


@pytest.mark.parametrize("metal_hu", [3071, 3072, 3095, 4095, 9999, 10000, 16383, 32767])
def test_metal_of_one_value_is_found(metal_hu: int) -> None:
    hu = np.full((5, 64, 64), 40, np.int16)
    y, x = np.ogrid[:64, :64]
    discs = (np.hypot(y - 32, x - 20) <= 3) | (np.hypot(y - 32, x - 44) <= 3)
    hu[1:4, discs] = metal_hu
    expected = np.broadcast_to(discs, (3, 64, 64))
    np.testing.assert_array_equal(adaptive(hu, (6.0, 6.0, 6.0)).mask[1:4], expected)


@pytest.mark.parametrize(("name", "least"), [("hip_bilateral_steel", 0.93), ("spine_ti", 0.88)])
def test_metal_of_an_independent_simulator_is_found(name: str, least: float, shared_data) -> None:
    with np.load(shared_data / "independent_scans" / f"{name}.npz") as arrays:
        hu, metal = arrays["img_metal"][None], arrays["metal_mask"][None]
    spacing = (1.0, 0.78125, 0.78125)
    assert dice(adaptive(hu, spacing).mask, metal) > least
    assert dice(adaptive(np.clip(hu, -1024, 3071).astype(np.int16), spacing).mask, metal) > 0.88


def test_finding_metal_takes_little_more_memory_than_its_mask() -> None:
    hu = np.full((600, 128, 128), 40, np.int16)
    hu[90:94, 40:50, 40:50] = 8000
    tracemalloc.start()
    try:
        found = adaptive(hu, (2.0, 1.0, 1.0))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.mask[90:94].any()
    assert peak < 1.3 * found.mask.nbytes


@pytest.mark.parametrize("highest_hu", [32767, 3071])
@pytest.mark.parametrize("noise_hu", [100, 300])
@pytest.mark.parametrize(("thick", "voxel_mm"), [(4, 1.0), (4, 2.0), (12, 1.0), (12, 2.0)])
def test_noise_takes_nothing_from_thick_metal(thick: int, voxel_mm: float, noise_hu: int, highest_hu: int) -> None:
    truth = np.zeros((thick + 6, 48, 48), bool)
    truth[3:-3, 20 : 20 + thick, 8:40] = True
    noise = np.random.default_rng(5).normal(0, noise_hu, truth.shape)
    hu = np.clip(np.where(truth, 6000, 40) + noise, -1024, highest_hu).astype(np.int16)
    mask = adaptive(hu, (voxel_mm, voxel_mm, voxel_mm)).mask
    assert not (mask & ~truth).any()
    assert mask.sum() >= 0.95 * truth.sum()


def test_replaced_edges_never_leave_a_clipped_series_without_metal(monkeypatch: pytest.MonkeyPatch) -> None:
    hu, _ = with_pin(12000)
    hu = np.minimum(hu, 3071)
    thresholds = adaptive(hu, SPACING, replace_edges=False).mask
    monkeypatch.setattr("marview.volume.segment.with_clipped_edges", lambda found, *_: np.zeros_like(found))
    assert thresholds.any()
    np.testing.assert_array_equal(adaptive(hu, SPACING).mask, thresholds)
