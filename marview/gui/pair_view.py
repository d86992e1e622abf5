"""An uncorrected and a corrected slice side by side, with the same HU window, zoom and position."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from marview.gui.image_view import ImageView
from marview.gui.label import Label
from marview.gui.panes.slice_pane import WINDOW_DRAG
from marview.session.display import View
from marview.text import tr

_CORNER = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom


class PairView(QWidget):
    """View of two slices; the mouse works as in the panes of the main window.

    Args:
        display: HU window, zoom and position of both slices.
    """

    def __init__(self, display: View, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._display = display
        self._rect = QRectF()
        self.views = (ImageView(), ImageView())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for view, title in zip(self.views, (tr("Uncorrected"), tr("Corrected")), strict=True):
            heading = Label(title)
            heading.setObjectName("paneTitle")
            view.setAccessibleName(title)
            view.has_scale = True
            column = QVBoxLayout()
            column.addWidget(heading)
            column.addWidget(view, 1)
            row.addLayout(column, 1)
            self._connect(view)
        display.changed.connect(self._follow)

    def show_pair(
        self, original: NDArray[np.int16], corrected: NDArray[np.int16], pixel_mm: tuple[float, float]
    ) -> None:
        """Show an uncorrected and a corrected slice, HU `[y, x]`; `pixel_mm` is (height, width)."""
        height, width = original.shape[0] * pixel_mm[0], original.shape[1] * pixel_mm[1]
        self._rect = QRectF(-width / 2, -height / 2, width, height)
        for view, hu in zip(self.views, (original, corrected), strict=True):
            view.set_picture(hu, self._rect)
        self._follow()

    def show_nothing(self) -> None:
        """Clear both views; called if a file of the pair is damaged."""
        for view in self.views:
            view.set_picture(None, self._rect)

    def _connect(self, view: ImageView) -> None:
        gestures = view.gestures

        def drag_window(right_px: float, down_px: float) -> None:
            width = max(100.0, self._display.display.window.width_hu)
            self._display.adjust_window(right_px * width * WINDOW_DRAG, down_px * width * WINDOW_DRAG)

        def drag_picture(start: QPointF, end: QPointF) -> None:
            moved = view.to_scene(end) - view.to_scene(start)
            self._display.pan(moved.x(), moved.y())

        def zoom(factor: float, at: QPointF) -> None:
            point = view.to_scene(at)
            self._display.zoom_at(factor, (point.x(), point.y()))

        gestures.windowed.connect(drag_window)
        gestures.panned.connect(drag_picture)
        gestures.zoomed.connect(zoom)

    def _follow(self, *_: object) -> None:
        display = self._display.display
        words = f"W {display.window.width_hu:.0f}  L {display.window.level_hu:.0f}"
        for view in self.views:
            view.set_levels(display.window.low_hu, display.window.high_hu)
            view.set_text(_CORNER, words)
            if not self._rect.isEmpty():
                view.look_from(self._rect, display.zoom, QPointF(*display.centre_mm))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the slices to the new size."""
        super().resizeEvent(event)
        self._follow()
