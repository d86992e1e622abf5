"""Draw measurements in a pane, move them by their handles, and label them with their values."""

import math
from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QColor, QPolygonF

from marview.gui.image_view import ImageView
from marview.gui.palette import on_image
from marview.session.display import Display
from marview.session.measured_plane import MeasuredPlane
from marview.session.measurement import FEWEST, OF_TOOL, Kind, Measure, Point, words
from marview.session.picture import Picture
from marview.session.session import Session
from marview.session.tools import ToolSettings

CIRCLE = [(math.cos(turn * math.tau / 64), math.sin(turn * math.tau / 64)) for turn in range(65)]
NEAR_PX = 8
LEAST_MM = 0.5
DRAFT = 0
"""Number of the measurement being drawn."""

REDRAWS_FOR = {"slice_index", "slice_count", "are_overlays_hidden", "layout", "maximised", "is_original_held"}
SECTION_FIELDS = {"slice_index", "slice_count", "cursor_mm", "slab", "slab_mm", "oblique_deg"}
"""Fields of the display on which the position of a section depends."""


class Surface(Protocol):
    """Measurement plane of a pane."""

    def plane(self) -> MeasuredPlane | None:
        """Return the section; None for the slice in view."""

    def is_there(self) -> bool:
        """Return whether the pane shows an image."""

    def pictures(self) -> tuple[Picture | None, Picture | None]:
        """Return the original image and, if the pane shows one, the corrected image."""


class SliceSurface:
    """The slice in view as a measurement plane.

    Args:
        shows_change: whether the pane shows the corrected slice.
    """

    def __init__(self, session: Session, *, shows_change: bool) -> None:
        self._session = session
        self._shows_change = shows_change

    def plane(self) -> MeasuredPlane | None:
        """Return None, because the surface is a slice and not a section."""
        return None

    def is_there(self) -> bool:
        """Return whether a series is open."""
        return self._session.loaded is not None

    def pictures(self) -> tuple[Picture | None, Picture | None]:
        """Return the original and the corrected slice."""
        has_change = self._shows_change and self._session.result is not None
        return self._session.original(), self._session.corrected() if has_change else None


class Measurer(QObject):
    """Controller that turns a pane's gestures into measurements and draws them.

    Args:
        paints: whether the left button also operates the mask tools in this pane.
    """

    def __init__(self, view: ImageView, session: Session, surface: Surface, *, paints: bool = False) -> None:
        super().__init__(view)
        self._view = view
        self._session = session
        self._surface = surface
        self._paints = paints
        self._draft: Measure | None = None
        self._fixed: tuple[Point, ...] = ()
        self._held: tuple[Measure, Point, int] | None = None
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
        """Draw the measurements of the plane in view."""
        if not self._view.isVisible():
            return
        known = [shown for shown, _, _ in self._known()]
        if self._draft is not None and self._draft.points:
            known.append(self._draft)
        original, corrected = self._surface.pictures() if known else (None, None)
        wanted: dict[str, QPolygonF] = {}
        labels: dict[str, tuple[QPointF, str, QColor]] = {}
        tone = on_image("success")
        for one in known:
            for part, line in enumerate(outline(one)):
                wanted[f"measure {one.number} {part}"] = line
            if original is not None and one.is_whole:
                at = QPointF(*label_point(one))
                text = words(one, original) if corrected is None else words(one, corrected, original)
                labels[str(one.number)] = (at, text, tone)
        for name in self._drawn - set(wanted):
            self._view.set_mark(name, None)
        for name, line in wanted.items():
            self._view.set_mark(name, line, tone, 1.6)
        self._drawn = set(wanted)
        self._view.set_labels(labels)

    def _known(self) -> list[tuple[Measure, Measure, Point]]:
        """Return each drawn measurement in coordinates of the pane, the stored one, and the shift between them."""
        measures, plane, display = self._session.measures, self._surface.plane(), self._session.view.display
        if display.are_overlays_hidden or not self._surface.is_there():
            return []
        if plane is None:
            return [(one, one, (0.0, 0.0)) for one in measures.of_slice(display.slice_index)]
        return [(shifted(one, shift), one, shift) for one, shift in measures.of_plane(plane)]

    # -- drawing with a tool

    def _press(self, at: QPointF) -> None:
        kind = self._kind
        if kind is None or not self._surface.is_there():
            return
        point, z, plane = self._point(at), self._session.view.display.slice_index, self._surface.plane()
        if kind is Kind.PROBE:
            self._session.measures.add(kind, z, [point], plane)
        elif kind is Kind.ANGLE and self._draft is not None:
            self._draft = replace(self._draft, points=(*self._fixed, point))
            self._fixed = self._draft.points
            self._finish_angle()
        else:
            self._draft = Measure(DRAFT, kind, z, (point,), plane)
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
        self._draft = replace(draft, points=points)
        self.draw()

    def _release(self) -> None:
        draft = self._draft
        if draft is None:
            return
        if draft.kind is Kind.ANGLE:
            if len(draft.points) == 2 and math.dist(*draft.points) >= LEAST_MM and len(self._fixed) == 1:
                self._fixed = draft.points  # the drag drew the first arm of the angle
            self._finish_angle()
            return
        self._draft = None
        spread = max((math.dist(draft.points[0], point) for point in draft.points), default=0.0)
        if draft.is_whole and spread >= LEAST_MM:
            self._session.measures.add(draft.kind, draft.slice_index, draft.points, draft.plane)
        else:
            self.draw()

    def _finish_angle(self) -> None:
        if self._draft is not None and len(self._fixed) >= FEWEST[Kind.ANGLE]:
            self._session.measures.add(Kind.ANGLE, self._draft.slice_index, self._fixed[:3], self._draft.plane)
            self._draft = None
        self.draw()

    # -- moving by a handle

    def _can_grab(self, at: QPointF) -> bool:
        self._held = self._handle(at)
        return self._held is not None

    def _drag(self, at: QPointF) -> None:
        if self._held is not None:
            measure, shift, which = self._held
            points, (x, y) = [*measure.points], self._point(at)
            points[which] = (x - shift[0], y - shift[1])
            self._held = (self._session.measures.move(measure, points), shift, which)

    def _handle(self, at: QPointF) -> tuple[Measure, Point, int] | None:
        to_pixels = self._view.viewportTransform()
        for shown, measure, shift in reversed(self._known()):
            for which, point in enumerate(shown.points):
                there = to_pixels.map(QPointF(*point))
                if math.hypot(there.x() - at.x(), there.y() - at.y()) <= NEAR_PX:
                    return measure, shift, which
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
        elif not self._paints:
            self._view.gestures.is_tool_on = False
        shape = Qt.CursorShape.CrossCursor if self._view.gestures.is_tool_on else Qt.CursorShape.ArrowCursor
        self._view.viewport().setCursor(shape)
        self.draw()

    def _follow(self, _display: Display, names: frozenset[str]) -> None:
        is_section = self._surface.plane() is not None
        if names & (SECTION_FIELDS if is_section else {"slice_index", "slice_count"}):
            self._draft = None
        if names & REDRAWS_FOR or (is_section and names & SECTION_FIELDS):
            self.draw()


def shifted(measure: Measure, shift: Point) -> Measure:
    """Return the measurement shifted within its plane."""
    return replace(measure, points=tuple((x + shift[0], y + shift[1]) for x, y in measure.points))


def outline(measure: Measure) -> list[QPolygonF]:
    """Return the lines to draw for a measurement."""
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
    """Return the label position in mm: right of a region, at the end of a line, at the vertex of an angle."""
    if measure.kind is Kind.ANGLE:
        return measure.points[1]
    if measure.kind in {Kind.ELLIPSE, Kind.RECTANGLE, Kind.REGION}:
        return max(x for x, _ in measure.points), min(y for _, y in measure.points)
    return measure.points[-1]
