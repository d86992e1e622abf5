"""A pane that shows a slice, linked to the other panes through the session's display."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPolygonF, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from marview.gui.oblique_line import Axes, ObliqueLine
from marview.gui.palette import on_image
from marview.gui.panes.corner_words import patient_words, slice_words
from marview.gui.panes.image_pane import ImagePane
from marview.session.display import Display, Layout
from marview.session.picture import Picture, edge_letters, turned_letters
from marview.session.rays import ray, virtual_beam
from marview.session.session import Session
from marview.volume.window import HuWindow

LEFT, RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
TOP, BOTTOM = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignBottom
H_CENTRE, V_CENTRE = Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignVCenter
NEAR_PX = 6
WRITTEN = frozenset(
    {"window", "difference_window", "zoom", "are_overlays_hidden", "is_anonymous", "quarters", "is_mirrored"}
)
"""Fields of the display shown in the corner texts."""

WINDOW_DRAG = 1 / 350
"""Relative change of the window width per pixel of dragging."""


class SlicePane(ImagePane):
    """Base class for panes that show an image; subclasses return it from `picture`."""

    redraws_for = frozenset({"slice_index", "slice_count"})
    """Fields of the display that change this pane's picture."""

    def __init__(self, name: str, title: str, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(name, title, parent)
        self.session = session
        self._shown: Picture | None = None
        self.view.has_scale = True
        gestures = self.view.gestures
        gestures.windowed.connect(self._drag_window)
        gestures.panned.connect(self._drag_picture)
        gestures.zoomed.connect(self._zoom)
        gestures.scrolled.connect(lambda notches: session.view.scroll(-notches))
        gestures.pointed.connect(self._point)
        gestures.add_grab(self._is_near_crosshair, lambda at: self._point(at, is_linking=True))
        self.view.left.connect(lambda: session.view.update(pointed_mm=None))
        session.view.changed.connect(self._follow)
        self.oblique_line = ObliqueLine(self.view, session, self._line_axes, self._crosshair_point)
        session.library.arrived.connect(self._arrive)

    def picture(self) -> Picture | None:
        """Return the image to show; None leaves the pane empty."""
        raise NotImplementedError

    def draw_overlays(self, display: Display) -> None:
        """Draw overlays; subclasses with overlays override this method."""

    def window_in_use(self, display: Display) -> HuWindow:
        """Return the HU window of this pane."""
        return display.window

    @property
    def shown(self) -> Picture | None:
        """Return the image in view."""
        return self._shown

    def refresh(self) -> None:
        """Redraw the whole pane."""
        if not self.isVisible():
            return
        display = self.session.view.display
        self.view.set_smooth(is_smooth=display.is_smooth)
        self._shown = self.picture()
        self.view.set_picture(None if self._shown is None else self._shown.values, self._rect())
        self._draw_window(display)
        self._look(display)
        self.draw_overlays(display)
        self._draw_marks(display)
        self.oblique_line.draw()
        self._write(display)

    def _follow(self, display: Display, names: frozenset[str]) -> None:
        if not self.isVisible():
            return
        if names & self.redraws_for:
            self.refresh()
            return
        if names & {"window", "difference_window", "is_inverted"}:
            self._draw_window(display)
        if names & {"zoom", "centre_mm", "extent_mm", "quarters", "is_mirrored"}:
            self._look(display)
        if "is_smooth" in names:
            self.view.set_smooth(is_smooth=display.is_smooth)
        if names & {"overlays", "are_overlays_hidden"}:
            self.draw_overlays(display)
        if names & {"cursor_mm", "pointed_ray", "overlays", "are_overlays_hidden"}:
            self._draw_marks(display)
        if names & WRITTEN:
            self._write(display)

    def _arrive(self, slices: frozenset[int]) -> None:
        if self.session.view.display.slice_index in slices:
            self.refresh()

    def _rect(self) -> QRectF:
        if self._shown is None:
            return QRectF()
        height, width = self._shown.size_mm
        return QRectF(-width / 2, -height / 2, width, height)

    def _draw_window(self, display: Display) -> None:
        window = self.window_in_use(display)
        self.view.set_levels(window.low_hu, window.high_hu, is_inverted=display.is_inverted)

    def _look(self, display: Display) -> None:
        if self.session.original() is None:
            return
        height, width = display.fit_mm
        self.view.set_turn(display.quarters, is_mirrored=display.is_mirrored)
        self.view.look_from(QRectF(-width / 2, -height / 2, width, height), display.zoom, QPointF(*display.centre_mm))

    def _draw_marks(self, display: Display) -> None:
        original = self.session.original()
        if display.pointed_ray is None or original is None or self._shown is None:
            self.view.set_mark("ray", None)
        else:
            beam = virtual_beam((original.values.shape[0], original.values.shape[1]), original.pixel_mm)
            ends = ray(beam, *display.pointed_ray, reach_mm=max(original.size_mm))
            self.view.set_mark("ray", QPolygonF([QPointF(*ends[0]), QPointF(*ends[1])]), on_image("pointer"), 1.5)
        if display.cursor_mm is None:
            self.view.set_mark("cursor across", None)
            self.view.set_mark("cursor down", None)
            return
        x, y = display.cursor_mm
        reach = 4000.0
        across = QPolygonF([QPointF(x - reach, y), QPointF(x + reach, y)])
        down = QPolygonF([QPointF(x, y - reach), QPointF(x, y + reach)])
        self.view.set_mark("cursor across", across, on_image("focus", 150), 1.0)
        self.view.set_mark("cursor down", down, on_image("focus", 150), 1.0)

    def _line_axes(self) -> Axes | None:
        loaded = self.session.loaded
        if loaded is None or self._shown is None:
            return None
        affine = loaded.volume.grid.affine
        right, down = affine[:3, 2], affine[:3, 1]
        return right / np.linalg.norm(right), down / np.linalg.norm(down)

    def _crosshair_point(self) -> QPointF | None:
        cursor = self.session.view.display.cursor_mm
        return None if cursor is None else QPointF(*cursor)

    def _write(self, display: Display) -> None:
        loaded = self.session.loaded
        is_written = self._shown is not None and loaded is not None and not display.are_overlays_hidden
        letters = edge_letters(loaded.volume.grid) if is_written and loaded is not None else ("", "", "", "")
        letters = turned_letters(letters, display.quarters, is_mirrored=display.is_mirrored)
        for edge, letter in zip(
            (LEFT | V_CENTRE, RIGHT | V_CENTRE, TOP | H_CENTRE, BOTTOM | H_CENTRE), letters, strict=True
        ):
            self.view.set_text(edge, letter)
        slice_text = slice_words(loaded.volume.grid, display) if is_written and loaded is not None else ""
        zoom = f"{display.zoom:.2f}×\n" if is_written and display.zoom != 1 else ""
        used = self.window_in_use(display)
        window = f"W {used.width_hu:.0f}  L {used.level_hu:.0f}" if is_written else ""
        self.view.set_text(LEFT | TOP, patient_words(self.session, display) if is_written else "")
        self.view.set_text(LEFT | BOTTOM, slice_text)
        self.view.set_text(RIGHT | BOTTOM, f"{zoom}{window}")

    def _drag_window(self, right_px: float, down_px: float) -> None:
        width = max(100.0, self.session.view.display.window.width_hu)
        self.session.view.adjust_window(right_px * width * WINDOW_DRAG, down_px * width * WINDOW_DRAG)

    def _drag_picture(self, start: QPointF, end: QPointF) -> None:
        moved = self.view.to_scene(end) - self.view.to_scene(start)
        self.session.view.pan(moved.x(), moved.y())

    def _zoom(self, factor: float, at: QPointF) -> None:
        point = self.view.to_scene(at)
        self.session.view.zoom_at(factor, (point.x(), point.y()))

    def _point(self, at: QPointF, is_linking: bool) -> None:  # noqa: FBT001 - a Qt signal's argument
        point = self.view.to_scene(at)
        place = (point.x(), point.y())
        if is_linking:
            self.session.view.update(pointed_mm=place, cursor_mm=place)
        else:
            self.session.view.update(pointed_mm=place)

    def _is_near_crosshair(self, at: QPointF) -> bool:
        display = self.session.view.display
        if display.layout is not Layout.MPR or display.cursor_mm is None:
            return False
        there = self.view.viewportTransform().map(QPointF(*display.cursor_mm))
        return bool(min(abs(at.x() - there.x()), abs(at.y() - there.y())) <= NEAR_PX)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the slice to the new size."""
        super().resizeEvent(event)
        self._look(self.session.view.display)
        self.oblique_line.draw()

    def showEvent(self, event: QShowEvent) -> None:
        """Apply the changes made while the pane was hidden."""
        super().showEvent(event)
        self.refresh()
