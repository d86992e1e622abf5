"""The point that all planes go through, and the sections through it."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marview.geometry import Grid
from marview.session.display import View
from marview.session.picture import Picture
from marview.volume.across import Section, oblique_section, section_through

AXES = {"coronal": 1, "sagittal": 2}
"""Panes of sections, and the axis of the grid each is perpendicular to."""

_LEAST_SINE = 0.05
"""Planes that meet at a smaller angle (3 degrees) are taken for parallel."""


class Crosshair:
    """Reads and moves the crosshair: the slice in view and the point marked in it.

    Args:
        grid: gives the grid of the series in view; None where nothing is open.
    """

    def __init__(self, view: View, grid: Callable[[], Grid | None]) -> None:
        self._view = view
        self._grid = grid

    @property
    def lps_mm(self) -> NDArray[np.float64] | None:
        """The point in the patient; the middle of the slice in view where none is marked."""
        grid = self._grid()
        if grid is None:
            return None
        display = self._view.display
        y, x = _slice_of(grid).place_at(*(display.cursor_mm or (0.0, 0.0)))
        return grid.to_patient((display.slice_index, y, x))

    def move(self, lps_mm: ArrayLike) -> None:
        """Mark another point; all planes follow. Outside the volume, the nearest voxel is marked."""
        grid = self._grid()
        if grid is None:
            return
        z, y, x = (
            min(max(float(place), 0.0), size - 1.0)
            for place, size in zip(grid.to_index(lps_mm), grid.shape, strict=True)
        )
        self._view.update(slice_index=round(z), cursor_mm=_slice_of(grid).point_at(y, x))

    def section(self, pane: str) -> Section | None:
        """The section that a pane shows: coronal, sagittal or oblique."""
        grid, point = self._grid(), self.lps_mm
        if grid is None or point is None:
            return None
        if pane in AXES:
            return section_through(grid, AXES[pane], point)
        normal, up = self._oblique_axes()
        extent = np.array(grid.shape) * np.array(grid.spacing_mm)
        return oblique_section(grid, point, normal, up, float(np.linalg.norm(extent) / math.sqrt(2)))

    def oblique_line(self, normal: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Direction in which the oblique section crosses a plane with this normal (LPS); None where it does not."""
        if self._view.display.oblique_deg is None:
            return None
        line = np.cross(self._oblique_axes()[0], normal)
        length = float(np.linalg.norm(line))
        return line / length if length > _LEAST_SINE else None

    def turn_oblique(self, along: NDArray[np.float64]) -> None:
        """Turn or tilt the oblique section so that it holds a direction of the patient (LPS).

        A direction across the patient turns it around the head-feet axis, one along the patient tilts it.
        """
        oblique = self._view.display.oblique_deg
        if oblique is None or float(np.linalg.norm(along)) == 0:
            return
        turn, tilt = oblique
        x, y, z = (float(value) for value in along / np.linalg.norm(along))
        if abs(z) < _LEAST_SINE:
            turned = math.degrees(math.atan2(y, x))
            turn = turned + 180.0 * round((turn - turned) / 180.0)  # a line has two ends: the nearer turn is meant
            turn = (turn + 180.0) % 360.0 - 180.0
        else:
            radians = math.radians(turn)
            across = math.cos(radians) * y - math.sin(radians) * x
            tilt = math.degrees(math.atan(-across / z))
        self._view.update(oblique_deg=(turn, tilt))

    def _oblique_axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Unit vectors away from the viewer and upwards of the oblique section (LPS)."""
        turn, tilt = map(math.radians, self._view.display.oblique_deg or (0.0, 0.0))
        away = np.array([-math.sin(turn), math.cos(turn), 0.0])
        head = np.array([0.0, 0.0, 1.0])
        return math.cos(tilt) * away + math.sin(tilt) * head, math.cos(tilt) * head - math.sin(tilt) * away


def _slice_of(grid: Grid) -> Picture:
    _, rows, columns = grid.shape
    return Picture(np.broadcast_to(np.int16(0), (rows, columns)), grid.spacing_mm[1:])
