import numpy as np
import pytest

from marview.geometry import Grid
from marview.session.picture import Picture, edge_letters


def test_the_value_under_a_point_is_read_from_the_data() -> None:
    values = np.arange(12, dtype=np.int16).reshape(3, 4)
    picture = Picture(values, (2.0, 1.5))
    assert picture.size_mm == (6.0, 6.0)
    for row in range(3):
        for column in range(4):
            x, y = (column + 0.5) * 1.5 - 3, (row + 0.5) * 2 - 3
            assert picture.value_at(x, y) == values[row, column]


@pytest.mark.parametrize("point", [(-3.01, 0), (3.01, 0), (0, 3.01), (0, -3.01)])
def test_outside_there_is_no_value(point: tuple[float, float]) -> None:
    assert Picture(np.zeros((3, 4), np.int16), (2.0, 1.5)).value_at(*point) is None


def test_letters_of_an_axial_slice() -> None:
    assert edge_letters(Grid.from_spacing((3, 4, 5), (1, 1, 1))) == ("R", "L", "A", "P")


def test_letters_follow_the_grid() -> None:
    affine = np.eye(4)
    affine[:3, :3] = [[0, 0, -1], [1, 0, 0], [0, -1, 0]]  # z to P, y to F, x to R
    assert edge_letters(Grid((3, 4, 5), affine)) == ("L", "R", "H", "F")
