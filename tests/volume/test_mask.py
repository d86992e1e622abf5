"""Laws of growing, shrinking, filling and interpolating masks."""

import itertools

import numpy as np
import pytest

from marview.errors import BadInput, UsageError
from marview.volume.mask import (
    copy_slice,
    drop_component,
    drop_small,
    fill_holes,
    grow_mm,
    grow_px,
    interpolate_slices,
    keep_component,
    refuse_unusable,
    smooth,
)

SPACING = (3.0, 0.7, 0.9)


def blobs(shape: tuple[int, int, int] = (9, 40, 40), seed: int = 0) -> np.ndarray:
    from scipy import ndimage

    noise = np.random.default_rng(seed).normal(size=shape)
    return ndimage.gaussian_filter(noise, (1, 3, 3)) > 0.06


@pytest.mark.parametrize("in_slices", [False, True])
@pytest.mark.parametrize("margin_mm", [-1.5, 0.9, 3.0])
def test_growing_is_the_euclidean_distance(margin_mm: float, in_slices: bool) -> None:
    mask = blobs((4, 18, 18))
    part = mask if margin_mm > 0 else ~mask
    points = np.argwhere(part) * SPACING
    all_points = np.argwhere(np.ones_like(mask)) * SPACING
    apart = all_points[:, None] - points[None]
    if in_slices:
        apart[..., 0] = np.where(apart[..., 0] == 0, 0, np.inf)
    near = (np.sqrt((apart**2).sum(axis=-1)).min(axis=1) <= abs(margin_mm) + 1e-5).reshape(mask.shape)
    expected = near if margin_mm > 0 else ~near
    np.testing.assert_array_equal(grow_mm(mask, margin_mm, SPACING, in_slices=in_slices), expected)


def test_growing_and_shrinking_are_each_others_dual() -> None:
    mask = blobs()
    np.testing.assert_array_equal(grow_mm(mask, -2.0, SPACING), ~grow_mm(~mask, 2.0, SPACING))


def test_masks_of_growing_margins_hold_each_other() -> None:
    mask = blobs()
    grown = [grow_mm(mask, margin, SPACING) for margin in (-2, -1, 0, 1, 2)]
    assert all((small <= large).all() for small, large in itertools.pairwise(grown))
    assert grown[2] is not mask


def test_growing_by_pixels_is_a_cross_then_a_disc() -> None:
    mask = np.zeros((3, 11, 11), bool)
    mask[1, 5, 5] = True
    assert [int(grow_px(mask, pixels).sum()) for pixels in (1, 2)] == [5, 13]
    np.testing.assert_array_equal(grow_px(grow_px(mask, 2), -2), mask)
    assert grow_px(mask, 1, in_slices=False).sum() == 7


def test_metal_that_leaves_the_volume_does_not_shrink_from_there() -> None:
    mask = np.zeros((1, 10, 10), bool)
    mask[0, :5] = True
    assert grow_mm(mask, -1.0, (1, 1, 1))[0].sum() == 40


def test_nothing_grows_from_nothing() -> None:
    assert not grow_mm(np.zeros((2, 5, 5), bool), 3.0, SPACING).any()


def test_holes_are_filled_in_the_slice_or_in_space() -> None:
    tube = np.zeros((5, 9, 9), bool)
    tube[:, 2:7, 2:7] = True
    tube[:, 3:6, 3:6] = False
    assert fill_holes(tube).sum() == 5 * 25
    assert fill_holes(tube, in_slices=False).sum() == tube.sum()
    tube[[0, 4], 2:7, 2:7] = True
    assert fill_holes(tube, in_slices=False).sum() == 5 * 25


def test_smoothing_takes_a_spike_away_and_keeps_the_body() -> None:
    mask = np.zeros((1, 40, 40), bool)
    mask[0, 10:30, 10:30] = True
    mask[0, 20, 30:36] = True
    smoothed = smooth(mask, 1.0, (1.0, 0.5, 0.5), in_slices=True)
    assert not smoothed[0, 20, 32:].any()
    assert smoothed[0, 13:27, 13:27].all()


def test_components_are_kept_and_dropped_at_a_point() -> None:
    mask = np.zeros((3, 10, 10), bool)
    mask[0, 1, 1] = mask[1, 2, 2] = True  # one piece, touching by a corner
    mask[1, 7:9, 7:9] = True
    np.testing.assert_array_equal(keep_component(mask, (0, 1, 1)) | keep_component(mask, (1, 8, 8)), mask)
    np.testing.assert_array_equal(drop_component(mask, (0, 1, 1)), keep_component(mask, (1, 8, 8)))
    with pytest.raises(UsageError, match="no metal at index z 2"):
        keep_component(mask, (2, 5, 5))
    with pytest.raises(UsageError, match="no metal"):
        drop_component(mask, (7, 5, 5))


def test_small_pieces_are_dropped() -> None:
    mask = np.zeros((3, 10, 10), bool)
    mask[:, 2, 2] = True
    mask[1, 7:9, 7:9] = True
    assert drop_small(mask, 4).sum() == 4
    assert drop_small(mask, 3).sum() == 7
    assert drop_small(mask, 3, in_slices=True).sum() == 4


def test_slices_between_two_discs_are_discs_between() -> None:
    y, x = np.ogrid[:40, :40]
    away = np.hypot(y - 20, x - 20)
    mask = np.zeros((5, 40, 40), bool)
    mask[0], mask[4] = away <= 4, away <= 12
    filled = interpolate_slices(mask)
    np.testing.assert_array_equal(filled[[0, 4]], mask[[0, 4]])
    radii = np.sqrt(filled.sum(axis=(1, 2)) / np.pi)
    np.testing.assert_allclose(radii, [4, 6, 8, 10, 12], atol=0.4)


def test_a_slice_is_copied_on_top_of_another() -> None:
    mask = np.zeros((3, 4, 4), bool)
    mask[0, 1, 1] = mask[1, 2, 2] = True
    copied = copy_slice(mask, 0, 1)
    assert copied[1, 1, 1]
    assert copied[1, 2, 2]
    assert not mask[1, 1, 1]
    with pytest.raises(UsageError, match="Slice index 3 is out of range"):
        copy_slice(mask, 2, 3)


def test_unusable_masks_are_refused_with_the_reason() -> None:
    hu = np.full((3, 20, 20), -1000, np.int16)
    hu[:, 5:15, 5:15] = 40
    mask = np.zeros(hu.shape, bool)
    with pytest.raises(BadInput, match="empty"):
        refuse_unusable(mask, hu)
    with pytest.raises(BadInput, match="another series"):
        refuse_unusable(mask[:2], hu)
    mask[1, 6:8, 6:8] = True
    refuse_unusable(mask, hu)
    with pytest.raises(BadInput, match="covers 100% of the body"):
        refuse_unusable(hu > -500, hu)
    with pytest.raises(BadInput, match="contain no body: nothing in them is above -500 HU"):
        refuse_unusable(mask, np.full_like(hu, -1000))


@pytest.mark.parametrize("drift_mm", [(1.09, 0.0), (-2.5, 0.4)])
@pytest.mark.parametrize("margin_mm", [-3.5, 2.0, 3.2, 6.5])
def test_growing_where_slices_drift_is_the_distance_in_the_patient(
    margin_mm: float, drift_mm: tuple[float, float]
) -> None:
    mask = blobs((5, 18, 18), seed=1)
    part = mask if margin_mm > 0 else ~mask
    index = np.argwhere(np.ones_like(mask))
    places = index * SPACING
    places[:, 1:] += index[:, :1] * drift_mm
    chosen = places[part.ravel()]
    away_mm = np.sqrt(((places[:, None] - chosen[None]) ** 2).sum(axis=-1).min(axis=1)).reshape(mask.shape)
    grown = grow_mm(mask, margin_mm, SPACING, drift_mm=drift_mm)
    changed = grown if margin_mm > 0 else ~grown
    is_clear = abs(away_mm - abs(margin_mm)) > 0.25  # nearer to the margin, interpolation decides
    np.testing.assert_array_equal(changed[is_clear], (away_mm <= abs(margin_mm))[is_clear])
    assert is_clear.mean() > 0.7


def test_without_drift_nothing_is_interpolated() -> None:
    mask = blobs()
    tiny = grow_mm(mask, 3.2, SPACING, drift_mm=(1e-9, 0.0))
    np.testing.assert_array_equal(tiny, grow_mm(mask, 3.2, SPACING))


def test_smoothing_drifting_slices_is_smoothing_them_where_they_lie() -> None:
    rng = np.random.default_rng(5)
    straight = np.zeros((12, 80, 40), bool)
    straight[3:9, 30:45, 14:26] = rng.random((6, 15, 12)) > 0.3
    moved = np.stack([np.roll(plane, 2 * z - 12, axis=0) for z, plane in enumerate(straight)])
    wanted = smooth(straight, 1.5, (2.0, 1.0, 1.0))
    found = smooth(moved, 1.5, (2.0, 1.0, 1.0), drift_mm=(-2.0, 0.0))
    back = np.stack([np.roll(plane, 12 - 2 * z, axis=0) for z, plane in enumerate(found)])
    assert wanted.any()
    assert np.count_nonzero(back ^ wanted) <= 0.005 * np.count_nonzero(wanted)
    assert np.count_nonzero(smooth(moved, 1.5, (2.0, 1.0, 1.0)) ^ found) > 0.05 * np.count_nonzero(found)
