"""Row and column of each pane in each layout."""

import math
from collections.abc import Sequence

from PySide6.QtCore import QSize

from marview.gui.panes.beside_pane import NAME as BESIDE
from marview.gui.panes.compare_pane import PREFIX
from marview.gui.panes.pane import HEADER_PX, LEAST_PX
from marview.session.display import Display, Layout

GAP_PX = 3
CAPTION_PX = 38
GAIN = 1.1
"""Smallest gain in scale for which panes are moved from their usual positions."""

Places = dict[str, tuple[int, int]]

FIXED: dict[Layout, Places] = {
    Layout.MAR: {"original": (0, 0), "sinogram": (0, 1), "prior": (1, 0), "result": (1, 1)},
    Layout.SENSITIVITY: {"variant": (0, 0)},
    Layout.SCENE: {"scene": (0, 0)},
    Layout.MPR: {"original": (0, 0), "coronal": (0, 1), "sagittal": (1, 0), "result": (1, 1)},
}


def places_of(display: Display, results: int = 0, *, has_beside: bool = False, room: QSize | None = None) -> Places:
    """Return the row and column of each visible pane.

    Panes that show the same slice are arranged to show it as large as possible: for example, one below the
    other for a wide body in a tall window.

    Args:
        display: display state.
        results: number of results; the comparison has a pane for each.
        has_beside: whether another series is shown for comparison.
        room: size of the area available to all panes; None if unknown.
    """
    if display.layout is Layout.READ:
        return _gathered(["original", "result"], display, room)
    if display.layout is Layout.COMPARE:
        names = ["original", *(f"{PREFIX}{place}" for place in range(results)), *([BESIDE] if has_beside else [])]
        return _gathered(names, display, room)
    places = FIXED[display.layout]
    fourth = "oblique" if display.oblique_deg is not None else "scene" if display.has_scene else "result"
    if display.layout is Layout.MPR:
        places = {(fourth if name == "result" else name): place for name, place in places.items()}
    return places


def spans_of(places: Places) -> dict[str, int]:
    """Return the column span of the last pane, which fills the rest of its row, by name.

    The result is empty if there is only one row.
    """
    name, (row, column) = max(places.items(), key=lambda item: item[1])
    columns = 1 + max(column for _, column in places.values())
    return {name: columns - column} if row else {}


def _gathered(names: Sequence[str], display: Display, room: QSize | None) -> Places:
    """Return places of panes that show the same slice."""
    usual = math.ceil(math.sqrt(len(names)))
    columns, best = usual, GAIN * _scale(usual, len(names), display, room)
    for number in range(1, len(names) + 1):
        scale = _scale(number, len(names), display, room)
        if scale > best:
            columns, best = number, scale
    return {name: divmod(at, columns) for at, name in enumerate(names)}


def _scale(columns: int, panes: int, display: Display, room: QSize | None) -> float:
    """Return pixels per mm of the slices for a number of columns; 0 if unknown or if a pane would be too small."""
    height_mm, width_mm = display.fit_mm if display.quarters % 2 == 0 else display.fit_mm[::-1]
    if room is None or not height_mm or not width_mm:
        return 0.0
    rows = math.ceil(panes / columns)
    width = (room.width() - GAP_PX * (columns - 1)) / columns
    height = (room.height() - GAP_PX * (rows - 1)) / rows
    if width < LEAST_PX[0] or height < LEAST_PX[1]:
        return 0.0
    return min(width / width_mm, (height - HEADER_PX - CAPTION_PX) / height_mm)
