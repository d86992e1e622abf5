"""Pane with the corrected slice, alone or compared with the original, and a description of the correction."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtWidgets import QWidget

from marview.gui.grey_bar import GreyBar
from marview.gui.measurer import Measurer, SliceSurface
from marview.gui.overlay import ramp
from marview.gui.palette import on_image
from marview.gui.panes.result_words import caption, coverage_note, result_note
from marview.gui.panes.slice_pane import NEAR_PX, WINDOW_DRAG, SlicePane
from marview.session.display import Comparison, Display, Overlay
from marview.session.picture import Picture
from marview.session.session import Session
from marview.text import tr
from marview.told import told
from marview.volume.window import HuWindow

LEAST_CHANGE_HU, STRONG_CHANGE_HU = 5.0, 150.0

FLICKER_MS = 500
SQUARES = 8
"""Number of checkerboard squares along the longer edge of a slice."""


class ResultPane(SlicePane):
    """Pane that shows the result in view."""

    redraws_for = frozenset(
        {"slice_index", "slice_count", "is_original_held", "comparison", "swipe", "layout", "maximised"}
    )

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("result", tr("Result"), session, parent)
        session.result_changed.connect(self.refresh)
        session.runs.filled.connect(self._fill)
        session.runs.changed.connect(lambda _job: self._describe())
        session.metal.changed.connect(lambda: self._describe() if self.isVisible() else None)
        self.view.gestures.add_grab(self._is_on_divider, self._move_divider)
        self.view.gestures.pointed.connect(self._show_grip)
        self.scale_bar = GreyBar(self.view.viewport())
        self._is_original_turn = False
        self._flicker = QTimer(self)
        self._flicker.setInterval(FLICKER_MS)
        self._flicker.timeout.connect(self._turn)
        self.measurer = Measurer(self.view, session, SliceSurface(session, shows_change=True))

    def picture(self) -> Picture | None:
        """Return the corrected slice, the original while the X key is held, or the current comparison."""
        session, display = self.session, self.session.view.display
        self._describe()
        original = session.original()
        if original is None or session.result is None or display.is_original_held:
            return original
        corrected = session.result.corrected(original.values, display.slice_index)
        if self._is_difference(display):
            return Picture(session.result.correction_of(display.slice_index), original.pixel_mm)
        if display.comparison is Comparison.FLICKER and self._is_original_turn:
            return original
        if display.comparison is Comparison.BLEND:
            mixed = (original.values.astype(np.int32) + corrected) // 2
            return Picture(mixed.astype(np.int16), original.pixel_mm)
        if display.comparison is Comparison.CHECKERBOARD:
            return Picture(np.where(_squares(corrected.shape), original.values, corrected), original.pixel_mm)
        if display.comparison is Comparison.SWIPE:
            corrected = corrected.copy()
            part = self._before_divider(original, display)
            corrected[part] = original.values[part]
        return Picture(corrected, original.pixel_mm)

    def _turn(self) -> None:
        """Switch between original and result; stop if flicker is off."""
        if self.session.view.display.comparison is not Comparison.FLICKER or not self.isVisible():
            self._flicker.stop()
            self._is_original_turn = False
        else:
            self._is_original_turn = not self._is_original_turn
        self.refresh()

    def draw_overlays(self, display: Display) -> None:
        """Mark the pixels that differ from the original."""
        if not self.isVisible():
            return
        result, image = self.session.result, None
        is_marked = display.shows(Overlay.CHANGED) and not display.is_original_held
        if result is not None and is_marked and not self._is_difference(display):
            change = np.abs(result.correction_of(display.slice_index))
            change[change < LEAST_CHANGE_HU] = 0
            image = ramp(change / np.float32(STRONG_CHANGE_HU), on_image("changed"))
        self.view.overlay("changed").show_image(image, self._rect())
        if display.comparison is Comparison.FLICKER and result is not None and not self._flicker.isActive():
            self._flicker.start()
        self.view.set_divider(display.swipe if self._is_swiping(display) else None)

    def window_in_use(self, display: Display) -> HuWindow:
        """Return the HU window; a difference image has its own window."""
        return display.difference_window if self._is_difference(display) else display.window

    def _draw_window(self, display: Display) -> None:
        super()._draw_window(display)
        shown = display.difference_window if self._is_difference(display) else None
        self.scale_bar.show_scale(shown, is_inverted=display.is_inverted)

    def _drag_window(self, right_px: float, down_px: float) -> None:
        display = self.session.view.display
        if not self._is_difference(display):
            super()._drag_window(right_px, down_px)
            return
        step = max(100.0, display.difference_window.width_hu) * WINDOW_DRAG
        self.session.view.adjust_difference(right_px * step, down_px * step)

    def _is_difference(self, display: Display) -> bool:
        is_asked = display.comparison is Comparison.DIFFERENCE and not display.is_original_held
        return is_asked and self.session.result is not None

    def _look(self, display: Display) -> None:
        super()._look(display)
        self.scale_bar.place()
        if display.comparison is Comparison.SWIPE and self.session.result is not None and self._shown is not None:
            self._shown = self.picture()
            if self._shown is not None:
                self.view.set_picture(self._shown.values, self._rect())

    def _before_divider(self, picture: Picture, display: Display) -> tuple[slice, slice]:
        """Return the rows and columns of a picture left of the divider on the screen."""
        to_pixels = self.view.viewportTransform()
        is_across = abs(to_pixels.m11()) >= abs(to_pixels.m21())  # otherwise the picture is turned by 90°
        at = self.view.to_scene(QPointF(display.swipe * self.view.viewport().width(), 0.0))
        row, column = picture.place_at(at.x(), at.y())
        size = picture.values.shape[1 if is_across else 0]
        edge = int(np.clip(round((column if is_across else row) + 0.5), 0, size))
        is_forward = (to_pixels.m11() if is_across else to_pixels.m21()) >= 0
        part = slice(0, edge) if is_forward else slice(edge, size)
        return (slice(None), part) if is_across else (part, slice(None))

    def _is_on_divider(self, at: QPointF) -> bool:
        display = self.session.view.display
        line = display.swipe * self.view.viewport().width()
        return self._is_swiping(display) and abs(at.x() - line) <= NEAR_PX

    def _move_divider(self, at: QPointF) -> None:
        self.session.view.move_divider(at.x() / max(1, self.view.viewport().width()))

    def _show_grip(self, at: QPointF, _is_linking: bool) -> None:  # noqa: FBT001 - a Qt signal's argument
        """Change the cursor over the line, to show that the line can be dragged."""
        if self._is_on_divider(at) and not self.view.gestures.is_tool_on:
            self.view.viewport().setCursor(Qt.CursorShape.SplitHCursor)
        elif self.view.viewport().cursor().shape() is Qt.CursorShape.SplitHCursor:
            self.view.viewport().unsetCursor()

    def _is_swiping(self, display: Display) -> bool:
        is_asked = display.comparison is Comparison.SWIPE and not display.is_original_held
        return is_asked and self.session.result is not None

    def _fill(self, slice_index: int) -> None:
        if slice_index == self.session.view.display.slice_index:
            self.refresh()

    def _describe(self) -> None:
        result, display = self.session.result, self.session.view.display
        if self.session.loaded is None or result is None:
            self.title.setText(tr("Result"))
            self.set_note(tr("no result yet: the original is shown") if self.session.loaded else "")
            self.set_caption("", "")
            return
        is_flickering = display.comparison is Comparison.FLICKER and self._is_original_turn
        _, kind = coverage_note(result, display, self.session.metal)
        is_original = kind == "pending" or is_flickering
        self.title.setText(tr("Original") if is_original else result.title_of(display.slice_index))
        self.set_note(*result_note(result, display, self.session.metal))
        if kind == "pending" and not display.is_original_held:
            self.set_caption("", "")
            return
        self.set_caption(*caption(result), more=list(map(told, result.notes)), short=tr("Not for primary diagnosis."))


def _squares(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where the checkerboard shows the original, bool `[y, x]`."""
    edge = max(1, max(shape) // SQUARES)
    y, x = np.ogrid[: shape[0], : shape[1]]
    return np.asarray((y // edge + x // edge) % 2 == 0)
