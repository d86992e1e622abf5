"""The region and the line used to measure the variants of a sweep."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marview.session.picture import Picture
from marview.volume.measure import ellipse

Point = tuple[float, float]
"""(x, y) in mm from the centre of the slice."""


@dataclass(frozen=True)
class Region:
    """Ellipse in one slice.

    Attributes:
        slice_index: index of the slice.
        middle_mm: centre (x, y) in mm.
        radii_mm: radii along (x, y) in mm.
    """

    slice_index: int
    middle_mm: Point
    radii_mm: Point

    @classmethod
    def between(cls, slice_index: int, start: Point, end: Point) -> "Region":
        """Return the ellipse inscribed in the rectangle between two opposite corners."""
        (x0, y0), (x1, y1) = start, end
        return cls(slice_index, ((x0 + x1) / 2, (y0 + y1) / 2), (abs(x1 - x0) / 2, abs(y1 - y0) / 2))

    def holds(self, point: Point) -> bool:
        """Return whether a point is in the ellipse."""
        (x, y), (radius_x, radius_y) = self.middle_mm, self.radii_mm
        if min(self.radii_mm) <= 0:
            return False
        return ((point[0] - x) / radius_x) ** 2 + ((point[1] - y) / radius_y) ** 2 <= 1

    def moved(self, right_mm: float, down_mm: float) -> "Region":
        """Return a copy of the ellipse, shifted by the given distances."""
        x, y = self.middle_mm
        return replace(self, middle_mm=(x + right_mm, y + down_mm))

    def pixels(self, picture: Picture) -> NDArray[np.bool_]:
        """Return the mask of the ellipse in an image of the slice, bool `[y, x]`."""
        shape = (picture.values.shape[0], picture.values.shape[1])
        if min(self.radii_mm) <= 0:
            return np.zeros(shape, bool)
        height, width = picture.pixel_mm
        radii = (self.radii_mm[1] / height, self.radii_mm[0] / width)
        return ellipse(shape, picture.place_at(*self.middle_mm), radii)


@dataclass(frozen=True)
class Line:
    """Line from start to end, at the same position in every slice."""

    start_mm: Point
    end_mm: Point


def across(mask: NDArray[np.bool_], picture: Picture) -> Line:
    """Return a horizontal line across the body through the centre of the metal."""
    row = float(np.flatnonzero(mask.any(axis=1)).mean()) if mask.any() else picture.values.shape[0] / 2
    inside = np.flatnonzero(picture.values[round(row)] > -500)
    first, last = (int(inside[0]), int(inside[-1])) if len(inside) else (0, picture.values.shape[1] - 1)
    return Line(picture.point_at(row, first), picture.point_at(row, last))
