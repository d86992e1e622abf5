"""An image of a plane, with coordinates in mm from its centre."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.geometry import Grid


@dataclass(frozen=True, eq=False)
class Picture:
    """Image of a plane.

    Points (x, y) are in mm from the centre of the image; x increases with the column and y with the row.

    Attributes:
        values: HU, `[y, x]`.
        pixel_mm: pixel spacing along (y, x).
    """

    values: NDArray[Any]
    pixel_mm: tuple[float, float]

    @property
    def size_mm(self) -> tuple[float, float]:
        """Return the size along (y, x) in mm."""
        rows, columns = self.values.shape
        return rows * self.pixel_mm[0], columns * self.pixel_mm[1]

    def place_at(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        """Return the fractional index (y, x) of a point; integers are pixel centres."""
        height, width = self.size_mm
        return (y_mm + height / 2) / self.pixel_mm[0] - 0.5, (x_mm + width / 2) / self.pixel_mm[1] - 0.5

    def point_at(self, row: float, column: float) -> tuple[float, float]:
        """Return the point (x, y) in mm at a fractional index."""
        height, width = self.size_mm
        return (column + 0.5) * self.pixel_mm[1] - width / 2, (row + 0.5) * self.pixel_mm[0] - height / 2

    def index_at(self, x_mm: float, y_mm: float) -> tuple[int, int] | None:
        """Return the index (y, x) of the pixel under a point; None outside the image."""
        height, width = self.size_mm
        row = int((y_mm + height / 2) // self.pixel_mm[0])
        column = int((x_mm + width / 2) // self.pixel_mm[1])
        rows, columns = self.values.shape
        return (row, column) if 0 <= row < rows and 0 <= column < columns else None

    def value_at(self, x_mm: float, y_mm: float) -> float | None:
        """Return the value of the pixel under a point; None outside the image."""
        index = self.index_at(x_mm, y_mm)
        return None if index is None else float(self.values[index])


def edge_letters(grid: Grid) -> tuple[str, str, str, str]:
    """Return the orientation letters (L, R, A, P, H, F) at the left, right, top and bottom of a slice."""

    def letter(direction: NDArray[np.float64]) -> str:
        axis = int(np.abs(direction).argmax())
        return ("LR", "PA", "HF")[axis][0 if direction[axis] > 0 else 1]

    right, down = grid.affine[:3, 2], grid.affine[:3, 1]
    return letter(-right), letter(right), letter(-down), letter(down)


def turned_letters(
    letters: tuple[str, str, str, str], quarters: int, *, is_mirrored: bool
) -> tuple[str, str, str, str]:
    """Return the edge letters (left, right, top, bottom) after mirroring and clockwise quarter turns."""
    left, right, top, bottom = letters
    if is_mirrored:
        left, right = right, left
    for _ in range(quarters % 4):
        left, right, top, bottom = bottom, top, left, right
    return left, right, top, bottom
