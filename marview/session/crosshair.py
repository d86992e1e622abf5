"""The crosshair, a point that all planes pass through, and the sections through this point."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marview.geometry import Grid
from marview.session.display import View
from marview.session.picture import Picture
from marview.volume.across import Section, oblique_section, section_through

AXES = {"coronal": 1, "sagittal": 2}
"""Panes that show sections, and the grid axis perpendicular to each section."""

_LEAST_SINE = 0.05
"""Sine of the smallest angle (3 degrees) between planes that count as crossing."""


class Crosshair:
    """Position of the crosshair: the slice in view and a point in it.

    Args:
        grid: function that returns the grid of the series in view; None if none is open.
    """

    def __init__(self, view: View, grid: Callable[[], Grid | None]) -> None:
        self._view = view
        self._grid = grid

    @property
    def lps_mm(self) -> NDArray[np.float64] | None:
        """Return the crosshair in patient coordinates.

        Without a crosshair, return the centre of the slice in view.
        """
        grid = self._grid()
        if grid is None:
            return None
        display = self._view.display
        y, x = _slice_of(grid).place_at(*(display.cursor_mm or (0.0, 0.0)))
        return grid.to_patient((display.slice_index, y, x))

    def move(self, lps_mm: ArrayLike) -> None:
        """Move the crosshair and all planes to a point.

        If the point is outside the volume, they move to the nearest voxel.
        """
        grid = self._grid()
        if grid is None:
            return
        z, y, x = (
            min(max(float(place), 0.0), size - 1.0)
            for place, size in zip(grid.to_index(lps_mm), grid.shape, strict=True)
        )
        self._view.update(slice_index=round(z), cursor_mm=_slice_of(grid).point_at(y, x))

    def section(self, pane: str) -> Section | None:
        """Return the section of a pane: coronal, sagittal or oblique."""
        grid, point = self._grid(), self.lps_mm
        if grid is None or point is None:
            return None
        if pane in AXES:
            return section_through(grid, AXES[pane], point)
        normal, up = self._oblique_axes()
        extent = np.array(grid.shape) * np.array(grid.spacing_mm)
        return oblique_section(grid, point, normal, up, float(np.linalg.norm(extent) / math.sqrt(2)))

    def oblique_line(self, normal: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the direction (LPS) of the line along which the oblique section intersects a plane.

        `normal` is the normal of the plane (LPS). The result is None if there is no oblique section, or if the
        section is parallel to the plane.
        """
        if self._view.display.oblique_deg is None:
            return None
        line = np.cross(self._oblique_axes()[0], normal)
        length = float(np.linalg.norm(line))
        return line / length if length > _LEAST_SINE else None

    def turn_oblique(self, along: NDArray[np.float64]) -> None:
        """Turn or tilt the oblique section so that it contains the direction `along` (LPS).

        A direction in the axial plane turns the section around the head-feet axis; any other direction tilts it.
        """
        oblique = self._view.display.oblique_deg
        if oblique is None or float(np.linalg.norm(along)) == 0:
            return
        turn, tilt = oblique
        x, y, z = (float(value) for value in along / np.linalg.norm(along))
        if abs(z) < _LEAST_SINE:
            turned = math.degrees(math.atan2(y, x))
            turn = turned + 180.0 * round((turn - turned) / 180.0)  # a line has two ends; take the smaller turn
            turn = (turn + 180.0) % 360.0 - 180.0
        else:
            radians = math.radians(turn)
            across = math.cos(radians) * y - math.sin(radians) * x
            tilt = math.degrees(math.atan(-across / z))
        self._view.update(oblique_deg=(turn, tilt))

    def _oblique_axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return two unit vectors (LPS) of the oblique section: away from the viewer, and upwards."""
        turn, tilt = map(math.radians, self._view.display.oblique_deg or (0.0, 0.0))
        away = np.array([-math.sin(turn), math.cos(turn), 0.0])
        head = np.array([0.0, 0.0, 1.0])
        return math.cos(tilt) * away + math.sin(tilt) * head, math.cos(tilt) * head - math.sin(tilt) * away


def _slice_of(grid: Grid) -> Picture:
    _, rows, columns = grid.shape
    return Picture(np.broadcast_to(np.int16(0), (rows, columns)), grid.spacing_mm[1:])
