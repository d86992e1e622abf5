"""Draw and move the measurement line and region of a sweep with the mouse."""

import enum
import math

from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QPolygonF

from marview.gui.image_view import ImageView
from marview.gui.palette import on_image
from marview.session.sensitivity_marks import Line, Point, Region
from marview.session.session import Session

CIRCLE = [(math.cos(turn * math.tau / 64), math.sin(turn * math.tau / 64)) for turn in range(65)]
NEAR_PX = 10
LEAST_MM = 0.5


class Pen(enum.StrEnum):
    """Action of the left mouse button."""

    NONE = "none"
    LINE = "line"
    REGION = "region"


class Measuring(QObject):
    """Mouse handler that draws the measurement line or region.

    A drag from an end of the line moves that end; a drag inside the region moves the region.
    """

    def __init__(self, view: ImageView, session: Session) -> None:
        super().__init__(view)
        self.pen = Pen.NONE
        self._view = view
        self._session = session
        self._from: Point | None = None
        self._moved: Region | None = None
        gestures = view.gestures
        gestures.tool_pressed.connect(self._press)
        gestures.tool_moved.connect(self._move)
        gestures.tool_released.connect(self._release)
        session.sensitivity.marked.connect(self.draw)
        session.sensitivity.found.connect(self.draw)

    def take(self, pen: Pen) -> None:
        """Select a pen."""
        self.pen = pen
        is_on = pen is not Pen.NONE
        self._view.gestures.is_tool_on = is_on
        self._view.viewport().setCursor(Qt.CursorShape.CrossCursor if is_on else Qt.CursorShape.ArrowCursor)

    def draw(self) -> None:
        """Draw the line and the region."""
        sensitivity, z = self._session.sensitivity, self._session.view.display.slice_index
        line, region = sensitivity.line, sensitivity.region
        has_line = line is not None and sensitivity.swept is not None
        ends = QPolygonF([QPointF(*line.start_mm), QPointF(*line.end_mm)]) if has_line and line is not None else None
        self._view.set_mark("line", ends, on_image("pointer"), 1.6)
        outline = None
        if region is not None and region.slice_index == z:
            (x, y), (width, height) = region.middle_mm, region.radii_mm
            outline = QPolygonF([QPointF(x + u * width, y + v * height) for u, v in CIRCLE])
        self._view.set_mark("region", outline, on_image("success"), 1.8)

    def _press(self, at: QPointF) -> None:
        sensitivity, z = self._session.sensitivity, self._session.view.display.slice_index
        self._from = point = self._point(at)
        self._moved = None
        if self.pen is Pen.REGION and sensitivity.region is not None:
            if sensitivity.region.slice_index == z and sensitivity.region.holds(point):
                self._moved = sensitivity.region
        elif self.pen is Pen.LINE and sensitivity.line is not None:
            line = sensitivity.line
            if self._is_near(at, line.end_mm):
                self._from = line.start_mm
            elif self._is_near(at, line.start_mm):
                self._from = line.end_mm

    def _move(self, at: QPointF) -> None:
        start, end = self._from, self._point(at)
        if start is None or math.dist(start, end) < LEAST_MM:
            return
        sensitivity = self._session.sensitivity
        if self.pen is Pen.LINE:
            sensitivity.mark(line=Line(start, end))
        elif self._moved is not None:
            sensitivity.mark(region=self._moved.moved(end[0] - start[0], end[1] - start[1]))
        else:
            sensitivity.mark(region=Region.between(self._session.view.display.slice_index, start, end))

    def _release(self) -> None:
        self._from = self._moved = None

    def _point(self, at: QPointF) -> Point:
        point = self._view.to_scene(at)
        return point.x(), point.y()

    def _is_near(self, at: QPointF, point: Point) -> bool:
        there = self._view.viewportTransform().map(QPointF(*point))
        return math.hypot(there.x() - at.x(), there.y() - at.y()) <= NEAR_PX
