"""Planes show the voxels at their position in the patient."""

import numpy as np
import pytest

from marview.errors import UsageError
from marview.geometry import Grid
from marview.volume.reslice import OUTSIDE_HU, oblique_plane, plane_across, reslice

GRID = Grid.from_spacing((10, 16, 14), (3.0, 1.0, 2.0))


def linear(lps_mm: np.ndarray) -> np.ndarray:
    return lps_mm @ [2.0, 3.0, 5.0] - 100


def volume(grid: Grid) -> np.ndarray:
    return linear(grid.to_patient(np.moveaxis(np.indices(grid.shape), 0, -1)))


def turned() -> Grid:
    turn = np.eye(4)
    turn[:3, :3] = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    return Grid(GRID.shape, turn @ GRID.affine)


@pytest.mark.parametrize("grid", [GRID, turned()], ids=["axial", "oblique"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_plane_across_shows_a_linear_volume_exactly(grid: Grid, axis: int) -> None:
    plane = plane_across(grid, axis, 4.5)
    np.testing.assert_allclose(reslice(volume(grid), grid, plane), linear(plane.points()), rtol=1e-5, atol=1e-3)


def test_an_axial_plane_is_the_slice() -> None:
    array = np.random.default_rng(0).integers(-1000, 3000, (10, 16, 14)).astype(np.int16)
    square = Grid.from_spacing((10, 16, 14), (3.0, 1.0, 1.0))
    np.testing.assert_array_equal(reslice(array, square, plane_across(square, 0, 3)), array[3])


def test_the_head_is_up_in_coronal_and_sagittal_pictures() -> None:
    array = np.zeros(GRID.shape, np.int16)
    array[-1] = 1000
    for axis in (1, 2):
        picture = reslice(array, GRID, plane_across(GRID, axis, 5))
        assert (picture[0] == 1000).all()
        assert (picture[-1] == 0).all()


def test_an_oblique_plane_looks_along_its_normal() -> None:
    centre = GRID.to_patient((4.5, 7.5, 6.5))
    plane = oblique_plane(centre, (1, 1, 0.2), (0, 0, 1), 0.5, 9)
    np.testing.assert_allclose(plane.points()[4, 4], centre, atol=1e-9)
    assert plane.down[2] < 0
    np.testing.assert_allclose([plane.down @ plane.right, plane.down @ [1, 1, 0.2]], 0, atol=1e-12)
    np.testing.assert_allclose(reslice(volume(GRID), GRID, plane), linear(plane.points()), rtol=1e-5, atol=1e-3)
    with pytest.raises(UsageError, match="must not be parallel"):
        oblique_plane(centre, (0, 0, 1), (0, 0, 2), 0.5, 9)


def test_outside_the_volume_is_air_and_masks_stay_masks() -> None:
    away = oblique_plane((900, 900, 900), (1, 0, 0), (0, 0, 1), 1.0, 4)
    assert (reslice(volume(GRID), GRID, away) == OUTSIDE_HU).all()
    mask = np.random.default_rng(0).random(GRID.shape) > 0.5
    picture = reslice(mask, GRID, plane_across(GRID, 2, 5.4), outside=0, nearest=True)
    assert set(np.unique(picture)) == {0.0, 1.0}
