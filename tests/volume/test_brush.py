"""The brush paints the voxels within its radius of the line, and no others."""

import numpy as np
import pytest

from marview.volume.brush import Brush, fill_outline, stamp

SPACING = (3.0, 0.5, 0.8)
SHAPE = (9, 60, 70)


def by_hand(start: tuple[float, ...], end: tuple[float, ...], radius_mm: float) -> np.ndarray:
    """Distance to many points along the line."""
    points = np.linspace(start, end, 400) * SPACING
    index = np.argwhere(np.ones(SHAPE, bool)) * SPACING
    nearest = np.full(len(index), np.inf)
    for point in points:
        np.minimum(nearest, np.linalg.norm(index - point, axis=1), out=nearest)
    return (nearest <= radius_mm).reshape(SHAPE)


def test_a_sphere_is_stamped_along_the_line() -> None:
    mask = np.zeros(SHAPE, bool)
    start, end = (2.0, 20.0, 15.0), (5.0, 31.0, 48.0)
    stamp(mask, start, end, Brush(radius_mm=4.1, is_sphere=True), SPACING)
    expected = by_hand(start, end, 4.1)
    assert (mask != expected).mean() < 1e-4
    assert mask.any(axis=(1, 2)).sum() > 3


def test_a_disc_stays_in_the_slice_it_is_drawn_in() -> None:
    mask = np.zeros(SHAPE, bool)
    patch = stamp(mask, (3, 20, 15), (4, 31, 48), Brush(radius_mm=4.1), SPACING)
    expected = by_hand((4, 20, 15), (4, 31, 48), 4.1)
    expected[[i for i in range(9) if i != 4]] = False
    assert (mask != expected).mean() < 1e-4
    assert patch is not None
    assert patch.box[0] == slice(4, 5)


def test_the_dirty_box_holds_all_that_changed_and_only_that() -> None:
    mask = np.zeros(SHAPE, bool)
    patch = stamp(mask, (4, 30, 30), (4, 30, 30), Brush(radius_mm=3), SPACING)
    assert patch is not None
    inside = mask[patch.box]
    assert inside.sum() == mask.sum()
    for axis in range(3):
        used = inside.any(axis=tuple(other for other in range(3) if other != axis))
        assert used[0]
        assert used[-1]
    assert stamp(mask, (4, 30, 30), (4, 30, 30), Brush(radius_mm=3), SPACING) is None


def test_a_brush_finer_than_a_voxel_paints_the_voxel_under_the_pointer() -> None:
    mask = np.zeros(SHAPE, bool)
    stamp(mask, (4, 30.4, 29.6), (4, 30.4, 29.6), Brush(radius_mm=0.01), SPACING)
    assert np.argwhere(mask).tolist() == [[4, 30, 30]]


def test_only_the_asked_hu_are_painted() -> None:
    hu = np.random.default_rng(0).integers(-1000, 4000, SHAPE).astype(np.int16)
    mask = np.zeros(SHAPE, bool)
    brush = Brush(radius_mm=6.1, is_sphere=True, hu_range=(1500, 3000))
    stamp(mask, (4, 30, 30), (4, 40, 30), brush, SPACING, hu)
    expected = by_hand((4, 30, 30), (4, 40, 30), 6.1) & (hu >= 1500) & (hu <= 3000)
    assert (mask != expected).sum() <= 1
    with pytest.raises(ValueError, match="needs the volume's HU"):
        stamp(mask, (4, 30, 30), (4, 40, 30), brush, SPACING)


def test_erasing_takes_away_what_painting_put_there() -> None:
    mask = np.zeros(SHAPE, bool)
    for erases in (False, True):
        stamp(mask, (4, 30, 30), (4, 40, 30), Brush(radius_mm=5, erases=erases), SPACING)
        assert mask.any() != erases


@pytest.mark.parametrize("point", [(4, -40, 10), (4, 10, 500), (40, 10, 10)])
def test_outside_the_volume_nothing_happens(point: tuple[int, int, int]) -> None:
    mask = np.zeros(SHAPE, bool)
    assert stamp(mask, point, point, Brush(radius_mm=5), SPACING) is None
    assert not mask.any()


def test_half_outside_half_is_painted() -> None:
    mask = np.zeros(SHAPE, bool)
    stamp(mask, (0, 0, 0), (0, 0, 0), Brush(radius_mm=5), SPACING)
    assert mask[0, :11, 0].all()


def test_an_outline_is_filled_in_its_slice() -> None:
    mask = np.zeros(SHAPE, bool)
    outline = np.array([[10.0, 10.0], [10.0, 40.0], [30.0, 40.0]])
    patch = fill_outline(mask, 3, outline, Brush())
    assert patch is not None
    assert patch.box[0] == slice(3, 4)
    assert mask[3, 12, 30]
    assert not mask[3, 28, 15]
    assert mask.sum() == pytest.approx(0.5 * 20 * 30, rel=0.15)
    fill_outline(mask, 3, outline, Brush(erases=True))
    assert not mask.any()
    assert fill_outline(mask, 3, outline[:2], Brush()) is None
    assert fill_outline(mask, 30, outline, Brush()) is None


def test_a_sphere_is_round_in_the_patient_where_slices_drift() -> None:
    mask, spacing, drift = np.zeros((9, 60, 60), bool), np.array([2.0, 1.0, 1.5]), np.array([1.3, -0.6])
    centre = np.array([4, 30, 28])
    stamp(mask, tuple(centre), tuple(centre), Brush(radius_mm=7, is_sphere=True), spacing, drift_mm=drift)
    steps = np.moveaxis(np.indices(mask.shape), 0, -1) - centre
    away = steps * spacing
    away[..., 1:] += steps[..., :1] * drift
    np.testing.assert_array_equal(mask, np.linalg.norm(away, axis=-1) <= 7 * (1 + 1e-6))


def test_a_line_of_spheres_through_drifting_slices_has_their_radius() -> None:
    mask, spacing, drift = np.zeros((7, 40, 60), bool), np.array([2.0, 1.0, 1.0]), np.array([0.0, 1.0])
    first, last = np.array([3, 20, 20]), np.array([3, 20, 35])
    stamp(mask, tuple(first), tuple(last), Brush(radius_mm=5, is_sphere=True), spacing, drift_mm=drift)
    steps = np.moveaxis(np.indices(mask.shape), 0, -1) - first
    away = steps * spacing
    away[..., 1:] += steps[..., :1] * drift
    away[..., 2] -= np.clip(away[..., 2], 0, 15)
    np.testing.assert_array_equal(mask, np.linalg.norm(away, axis=-1) <= 5 * (1 + 1e-5))
