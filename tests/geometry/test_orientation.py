import itertools

import numpy as np
import pytest

from marview.geometry import Grid
from marview.geometry.orientation import layout_of, layout_onto

ORDERS = [(axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)]


def affine_of(axes, signs):
    affine = np.zeros((4, 4))
    for column, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
        affine[axis, column] = sign * (1 + column)
    affine[:, 3] = 7, 8, 9, 1
    return affine


@pytest.mark.parametrize(("axes", "signs"), ORDERS)
def test_there_and_back_is_the_same_array(axes, signs):
    array = np.arange(60).reshape(3, 4, 5)
    layout = layout_of((3, 4, 5), affine_of(axes, signs))
    np.testing.assert_array_equal(layout.from_zyx(layout.to_zyx(array)), array)
    assert layout.to_zyx(array).shape == layout.grid.shape
    assert layout.file_shape == (3, 4, 5)


@pytest.mark.parametrize(("axes", "signs"), ORDERS)
def test_an_array_finds_the_voxels_of_its_own_grid(axes, signs):
    affine = affine_of(axes, signs)
    layout = layout_of((3, 4, 5), affine)
    again = layout_onto(layout.grid, (3, 4, 5), affine)
    assert (again.axes, again.is_flipped) == (layout.axes, layout.is_flipped)


def test_a_volume_elsewhere_is_refused():
    grid = Grid.from_spacing((5, 4, 3), (1, 1, 1))
    affine = np.diag([-1.0, -1, 1, 1])
    assert layout_onto(grid, (3, 4, 5), affine).grid == grid
    affine[0, 3] = 2
    with pytest.raises(ValueError, match=r"2\.0 mm away from the expected position"):
        layout_onto(grid, (3, 4, 5), affine)
    with pytest.raises(ValueError, match="axes or the spacing"):
        layout_onto(grid, (3, 4, 5), np.diag([-3.0, -1, 1, 1]))


def test_an_affine_that_cannot_be_inverted_is_refused():
    with pytest.raises(ValueError, match="no usable affine"):
        layout_of((3, 4, 5), np.diag([0.0, 1, 1, 1]))
