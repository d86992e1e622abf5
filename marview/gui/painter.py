"""Mask tools in a pane: the left button paints, and the brush outline follows the mouse."""

import math

from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QPolygonF

from marview.gui.palette import on_image
from marview.gui.panes.slice_pane import SlicePane
from marview.session.display import Display
from marview.session.picture import Picture
from marview.session.session import Session
from marview.session.tools import Tool, ToolSettings

CIRCLE = [(math.cos(turn * math.tau / 64), math.sin(turn * math.tau / 64)) for turn in range(65)]


class Painter(QObject):
    """Controller that turns a slice pane's gestures into mask painting.

    The controller also draws the brush and the outline.
    """

    def __init__(self, pane: SlicePane, session: Session) -> None:
        super().__init__(pane)
        self._view = pane.view
        self._session = session
        self._is_here = False
        gestures = self._view.gestures
        gestures.tool_pressed.connect(self._press)
        gestures.tool_moved.connect(self._move)
        gestures.tool_released.connect(session.painting.release)
        gestures.tool_closed.connect(self._close)
        gestures.tool_resized.connect(session.tools.resize)
        gestures.pointed.connect(lambda *_: self._set_here(is_here=True))
        self._view.left.connect(lambda: self._set_here(is_here=False))
        session.painting.drawn.connect(self._draw_outline)
        session.tools.changed.connect(self._change)
        session.view.changed.connect(self._follow)

    def _press(self, at: QPointF) -> None:
        place = self._place(at)
        if place is not None:
            self._session.painting.press(place)

    def _move(self, at: QPointF) -> None:
        place = self._place(at)
        if place is not None:
            self._session.painting.move(place)

    def _close(self) -> None:
        if self._session.tools.settings.tool is Tool.POLYGON:
            self._session.painting.close()

    def _place(self, at: QPointF) -> tuple[float, float] | None:
        """Return the fractional index (y, x) under a pixel of the view; None if no slice is shown."""
        original = self._session.original()
        point = self._view.to_scene(at)
        return None if original is None else original.place_at(point.x(), point.y())

    def _change(self, settings: ToolSettings, names: frozenset[str]) -> None:
        if "tool" in names:
            is_on = settings.tool is not Tool.NONE
            if settings.tool.is_measuring:
                return
            self._view.gestures.is_tool_on = is_on
            self._view.viewport().setCursor(Qt.CursorShape.CrossCursor if is_on else Qt.CursorShape.ArrowCursor)
        if names & {"tool", "radius_mm"}:
            self._draw_cursor(self._session.view.display)

    def _follow(self, display: Display, names: frozenset[str]) -> None:
        if "pointed_mm" in names and self._session.tools.settings.tool in {Tool.BRUSH, Tool.ERASER}:
            self._draw_cursor(display)

    def _set_here(self, *, is_here: bool) -> None:
        if is_here != self._is_here:
            self._is_here = is_here
            self._draw_cursor(self._session.view.display)

    def _draw_cursor(self, display: Display) -> None:
        settings = self._session.tools.settings
        at = display.pointed_mm
        if at is None or not self._is_here or settings.tool not in {Tool.BRUSH, Tool.ERASER}:
            self._view.set_mark("brush", None)
            return
        radius = settings.radius_mm
        circle = QPolygonF([QPointF(at[0] + x * radius, at[1] + y * radius) for x, y in CIRCLE])
        tone = "metal" if settings.tool is Tool.BRUSH else "focus"
        self._view.set_mark("brush", circle, on_image(tone), 1.5)

    def _draw_outline(self) -> None:
        corners, original = self._session.painting.outline, self._session.original()
        if not corners or original is None:
            self._view.set_mark("outline", None)
            return
        if self._session.tools.settings.tool is Tool.BOX and len(corners) == 2:
            (top, left), (bottom, right) = corners
            corners = [(top, left), (top, right), (bottom, right), (bottom, left), (top, left)]
        self._view.set_mark("outline", _line(corners, original), on_image("metal"), 1.5)


def _line(corners: list[tuple[float, float]], picture: Picture) -> QPolygonF:
    """Return a line through pixel centres; a small cross for a single pixel."""
    points = [QPointF(*picture.point_at(*corner)) for corner in corners]
    if len(points) == 1:
        arm = 1.5 * max(picture.pixel_mm)
        x, y = points[0].x(), points[0].y()
        steps = [(-arm, 0), (arm, 0), (0, 0), (0, -arm), (0, arm)]
        points = [QPointF(x + dx, y + dy) for dx, dy in steps]
    return QPolygonF(points)
