"""Bars that float over the images instead of pushing them down."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QVBoxLayout, QWidget

MARGIN_PX, RIGHT_PX, GAP_PX = 10, 36, 6


class Floating(QWidget):
    """Stack of bars that float over the top of a widget.

    The stack resizes to fit the visible bars, up to the available width.

    Args:
        host: widget under the bars.
        bars: bars from top to bottom.
        top_px: function that returns the distance in pixels from the top of the host to the bars.
        width_px: function that returns the width available for the bars in pixels.
        others: other widgets whose size or visibility changes the available space.
    """

    def __init__(
        self,
        host: QWidget,
        bars: Sequence[QWidget],
        top_px: Callable[[], int],
        width_px: Callable[[], int],
        others: Sequence[QWidget] = (),
    ) -> None:
        super().__init__(host)
        self._host = host
        self._top_px, self._width_px = top_px, width_px
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GAP_PX)
        self._bars = tuple(bars)
        for bar in self._bars:
            self._column.addWidget(bar)
            bar.installEventFilter(self)
        for widget in (host, *others):
            widget.installEventFilter(self)
        self._others = tuple(others)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Reposition the bars when the size or visibility of a widget changes."""
        kind = event.type()
        is_resized = watched in (self._host, *self._others) and kind == QEvent.Type.Resize
        if is_resized or kind in {QEvent.Type.ShowToParent, QEvent.Type.HideToParent, QEvent.Type.LayoutRequest}:
            self._place()
        return False

    def _place(self) -> None:
        shown = [bar for bar in self._bars if not bar.isHidden()]
        self.setVisible(bool(shown))
        if not shown:
            return
        room = self._width_px() - MARGIN_PX - RIGHT_PX
        width = max(120, min(room, max(bar.maximumWidth() for bar in shown)))
        height = sum(_height(bar, width) for bar in shown) + GAP_PX * (len(shown) - 1)
        self.setGeometry(MARGIN_PX, self._top_px(), width, height)
        self.raise_()


def _height(bar: QWidget, width: int) -> int:
    return bar.heightForWidth(width) if bar.hasHeightForWidth() else bar.sizeHint().height()
