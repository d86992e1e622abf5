"""Measuring in a pane of a slice: the tools draw, handles move, values stand beside what is measured."""

import math

from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QColor, QPolygonF

from marview.gui.image_view import ImageView
from marview.gui.palette import colour
from marview.session.display import Display
from marview.session.measures import FEWEST, OF_TOOL, Kind, Measure, Point, words
from marview.session.session import Session
from marview.session.tools import ToolSettings

CIRCLE = [(math.cos(turn * math.tau / 64), math.sin(turn * math.tau / 64)) for turn in range(65)]
NEAR_PX = 8
LEAST_MM = 0.5
DRAFT = 0
"""Number of what is being drawn."""


class Measurer(QObject):
    """Takes the gestures of a pane to the session's measurements and draws them.

    Args:
        shows_change: whether the values are told with their change from the original.
    """

    def __init__(self, view: ImageView, session: Session, *, shows_change: bool = False) -> None:
        super().__init__(view)
        self._view = view
        self._session = session
        self._shows_change = shows_change
        self._draft: Measure | None = None
        self._fixed: tuple[Point, ...] = ()
        self._held: tuple[Measure, int] | None = None
        self._drawn: set[str] = set()
        gestures = view.gestures
        gestures.tool_pressed.connect(self._press)
        gestures.tool_moved.connect(self._move)
        gestures.tool_released.connect(self._release)
        gestures.pointed.connect(self._preview)
        gestures.add_grab(self._can_grab, self._drag)
        session.measures.changed.connect(self.draw)
        session.tools.changed.connect(self._change)
        session.view.changed.connect(self._follow)
        session.result_changed.connect(self.draw)
        session.runs.filled.connect(self.draw)

    def draw(self, *_: object) -> None:
        """Draw the measurements of the slice in view."""
        if not self._view.isVisible():
            return
        display = self._session.view.display
        pictures = [self._session.original(), self._session.corrected() if self._shows_change else None]
        original, corrected = pictures
        known = [] if display.are_overlays_hidden else self._session.measures.of_slice(display.slice_index)
        if self._draft is not None and self._draft.points:
            known = [*known, self._draft]
        wanted: dict[str, QPolygonF] = {}
        labels: dict[str, tuple[QPointF, str, QColor]] = {}
        tone = colour("success")
        for one in known:
            for part, line in enumerate(outline(one)):
                wanted[f"measure {one.number} {part}"] = line
            if original is not None and one.is_whole:
                at = QPointF(*label_point(one))
                is_compared = corrected is not None and self._session.result is not None
                text = words(one, corrected, original) if is_compared and corrected else words(one, original)
                labels[str(one.number)] = (at, text, tone)
        for name in self._drawn - set(wanted):
            self._view.set_mark(name, None)
        for name, line in wanted.items():
            self._view.set_mark(name, line, tone, 1.6)
        self._drawn = set(wanted)
        self._view.set_labels(labels)

    # -- drawing with a tool

    def _press(self, at: QPointF) -> None:
        kind = self._kind
        if kind is None:
            return
        point, z = self._point(at), self._session.view.display.slice_index
        if kind is Kind.PROBE:
            self._session.measures.add(kind, z, [point])
        elif kind is Kind.ANGLE and self._draft is not None:
            self._draft = Measure(DRAFT, kind, z, (*self._fixed, point))
            self._fixed = self._draft.points
            self._finish_angle()
        else:
            self._draft = Measure(DRAFT, kind, z, (point,))
            self._fixed = (point,)

    def _move(self, at: QPointF) -> None:
        self._grow(at)

    def _preview(self, at: QPointF, _is_linking: bool) -> None:  # noqa: FBT001 - a Qt signal's argument
        if self._draft is not None and self._draft.kind is Kind.ANGLE:
            self._grow(at)

    def _grow(self, at: QPointF) -> None:
        draft, point = self._draft, self._point(at)
        if draft is None:
            return
        if draft.kind is Kind.REGION:
            self._fixed = (*self._fixed, point)
            points = self._fixed
        else:
            points = (*self._fixed, point)
        self._draft = Measure(DRAFT, draft.kind, draft.slice_index, points)
        self.draw()

    def _release(self) -> None:
        draft = self._draft
        if draft is None:
            return
        if draft.kind is Kind.ANGLE:
            if len(draft.points) == 2 and math.dist(*draft.points) >= LEAST_MM and len(self._fixed) == 1:
                self._fixed = draft.points  # the first arm was dragged
            self._finish_angle()
            return
        self._draft = None
        spread = max((math.dist(draft.points[0], point) for point in draft.points), default=0.0)
        if draft.is_whole and spread >= LEAST_MM:
            self._session.measures.add(draft.kind, draft.slice_index, draft.points)
        else:
            self.draw()

    def _finish_angle(self) -> None:
        if self._draft is not None and len(self._fixed) >= FEWEST[Kind.ANGLE]:
            self._session.measures.add(Kind.ANGLE, self._draft.slice_index, self._fixed[:3])
            self._draft = None
        self.draw()

    # -- moving by a handle

    def _can_grab(self, at: QPointF) -> bool:
        self._held = self._handle(at)
        return self._held is not None

    def _drag(self, at: QPointF) -> None:
        if self._held is not None:
            measure, which = self._held
            points = [*measure.points]
            points[which] = self._point(at)
            self._held = (self._session.measures.move(measure, points), which)

    def _handle(self, at: QPointF) -> tuple[Measure, int] | None:
        display = self._session.view.display
        if display.are_overlays_hidden:
            return None
        to_pixels = self._view.viewportTransform()
        for measure in reversed(self._session.measures.of_slice(display.slice_index)):
            for which, point in enumerate(measure.points):
                there = to_pixels.map(QPointF(*point))
                if math.hypot(there.x() - at.x(), there.y() - at.y()) <= NEAR_PX:
                    return measure, which
        return None

    # -- inside

    @property
    def _kind(self) -> Kind | None:
        return OF_TOOL.get(self._session.tools.settings.tool)

    def _point(self, at: QPointF) -> Point:
        point = self._view.to_scene(at)
        return point.x(), point.y()

    def _change(self, settings: ToolSettings, names: frozenset[str]) -> None:
        if "tool" not in names:
            return
        self._draft = None
        is_on = settings.tool.is_measuring
        if is_on or not self._view.gestures.is_tool_on:
            self._view.gestures.is_tool_on = is_on
        elif self._shows_change:
            self._view.gestures.is_tool_on = False
        shape = Qt.CursorShape.CrossCursor if self._view.gestures.is_tool_on else Qt.CursorShape.ArrowCursor
        self._view.viewport().setCursor(shape)
        self.draw()

    def _follow(self, _display: Display, names: frozenset[str]) -> None:
        if names & {"slice_index", "slice_count"}:
            self._draft = None
        if names & {"slice_index", "slice_count", "are_overlays_hidden", "layout", "maximised", "is_original_held"}:
            self.draw()


def outline(measure: Measure) -> list[QPolygonF]:
    """The lines that a measurement is drawn with."""
    points = [QPointF(*point) for point in measure.points]
    if measure.kind is Kind.PROBE:
        x, y = measure.points[0]
        return [
            QPolygonF([QPointF(x - 2, y), QPointF(x + 2, y)]),
            QPolygonF([QPointF(x, y - 2), QPointF(x, y + 2)]),
        ]
    if measure.kind in {Kind.ELLIPSE, Kind.RECTANGLE} and len(points) >= 2:
        (x0, y0), (x1, y1) = measure.points[:2]
        if measure.kind is Kind.RECTANGLE:
            corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
        else:
            corners = [((x0 + x1 + u * (x1 - x0)) / 2, (y0 + y1 + v * (y1 - y0)) / 2) for u, v in CIRCLE]
        return [QPolygonF([QPointF(*corner) for corner in corners])]
    if measure.kind is Kind.REGION and len(points) >= 3:
        points.append(points[0])
    return [QPolygonF(points)] if len(points) >= 2 else []


def label_point(measure: Measure) -> Point:
    """Where the values stand: at the right of a region, at the end of a line, at the corner of an angle."""
    if measure.kind is Kind.ANGLE:
        return measure.points[1]
    if measure.kind in {Kind.ELLIPSE, Kind.RECTANGLE, Kind.REGION}:
        return max(x for x, _ in measure.points), min(y for _, y in measure.points)
    return measure.points[-1]
