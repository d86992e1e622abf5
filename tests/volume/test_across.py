"""Sections appear as readers expect in every orientation, with the exact HU of the file."""

import itertools

import numpy as np
import pytest

from marview.geometry import Grid
from marview.volume.across import Slab, oblique_section, section_through

SHAPE = (5, 6, 7)
AXES = [
    signs
    for order in ((2, 1, 0), (1, 2, 0), (0, 2, 1))
    for signs in [
        tuple((axis, sign) for axis, sign in zip(order, s, strict=True)) for s in itertools.product((1, -1), repeat=3)
    ]
]


def grid_of(axes, spacing=(3.0, 1.0, 0.5)) -> Grid:
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, ((axis, sign), step) in enumerate(zip(axes, spacing, strict=True)):
        affine[axis, column] = sign * step
    affine[:3, 3] = (11.0, -7.0, 42.0)
    return Grid(SHAPE, affine)


def hu_of(grid: Grid) -> np.ndarray:
    return np.arange(np.prod(grid.shape), dtype=np.int16).reshape(grid.shape)


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_head_up_front_up_or_left_and_every_pixel_is_its_voxel(axes, axis: int) -> None:
    grid = grid_of(axes)
    hu = hu_of(grid)
    point = grid.to_patient((2, 3, 4))
    section = section_through(grid, axis, point)
    left, right, top, bottom = section.letters
    expected = {"Axial": ("R", "L", "A", "P"), "Coronal": ("R", "L", "H", "F"), "Sagittal": ("A", "P", "H", "F")}
    assert (left, right, top, bottom) == expected[section.title]
    picture = section.picture(hu)
    rows, columns = picture.shape
    for row, column in itertools.product(range(rows), range(columns)):
        lps = section.to_lps(
            (column - (columns - 1) / 2) * section.pixel_mm[1], (row - (rows - 1) / 2) * section.pixel_mm[0]
        )
        z, y, x = np.rint(grid.to_index(lps)).astype(int)
        assert picture[row, column] == hu[z, y, x]
    assert section.to_screen(section.to_lps(1.5, -2.5)) == pytest.approx((1.5, -2.5))


def test_a_slab_is_the_highest_lowest_or_mean_of_its_slices() -> None:
    grid = grid_of(((2, 1), (1, 1), (0, 1)))
    hu = hu_of(grid)
    section = section_through(grid, 0, grid.to_patient((2, 0, 0)))
    for slab, merge in ((Slab.MIP, np.max), (Slab.MINIP, np.min), (Slab.MEAN, np.mean)):
        np.testing.assert_allclose(section.picture(hu, slab, 6.0), merge(hu[1:4], axis=0))
        np.testing.assert_allclose(section.picture(hu, slab, 5.9), hu[2])


def test_a_tilted_series_is_interpolated_upright() -> None:
    affine = grid_of(((2, 1), (1, 1), (0, 1)), (2.0, 1.0, 1.0)).affine.copy()
    affine[1, 0] = 0.5  # the gantry leans
    grid = Grid((30, 40, 40), affine)
    z, y, x = np.indices(grid.shape)
    lps = grid.to_patient(np.stack([z, y, x], -1))
    hu = (10 * lps[..., 2]).astype(np.float32)
    section = section_through(grid, 1, grid.to_patient((15, 20, 20)))
    assert section.title == "Coronal"
    picture = section.picture(hu)
    middle = picture.shape[0] // 2, picture.shape[1] // 2
    at = (
        section.to_lps(0.5 * section.pixel_mm[1], 0.5 * section.pixel_mm[0])
        if picture.shape[0] % 2 == 0
        else section.to_lps(0, 0)
    )
    assert picture[middle] == pytest.approx(10 * at[2], abs=1.0)


def test_an_oblique_section_reads_along_its_directions() -> None:
    grid = grid_of(((2, 1), (1, 1), (0, 1)), (1.0, 1.0, 1.0))
    grid = Grid((40, 40, 40), grid.affine)
    z, y, x = np.indices(grid.shape)
    lps = grid.to_patient(np.stack([z, y, x], -1))
    hu = (5 * lps[..., 0] + 3 * lps[..., 1] - 2 * lps[..., 2]).astype(np.float32)
    centre = grid.to_patient((20, 20, 20))
    section = oblique_section(grid, centre, (1.0, 1.0, 0.2), (0, 0, 1), 12.0)
    picture = section.picture(hu)
    rows, columns = picture.shape
    right, down = (3 - (columns - 1) / 2) * 1.0, (8 - (rows - 1) / 2) * 1.0
    at = section.to_lps(right, down)
    assert picture[8, 3] == pytest.approx(5 * at[0] + 3 * at[1] - 2 * at[2], abs=1e-2)
