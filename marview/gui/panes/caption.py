"""A two-line caption under a pane, elided to fit; its tool tip shows the whole text."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget

from marview.gui.label import tooltip
from marview.gui.painting import painting
from marview.gui.palette import colour

MARGIN_PX = 10


class Caption(QWidget):
    """A caption that is always two lines high, so that images side by side have the same size."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines = ("", "")
        self._short = ""
        self.setFixedHeight(2 * self.fontMetrics().height() + 8)

    def set_lines(self, first: str, second: str = "", more: Sequence[str] = (), *, short: str = "") -> None:
        """Set both lines and, with `more`, further lines of the tool tip.

        If the second line does not fit, `short` is shown instead.
        """
        self._short = short
        self.setToolTip(tooltip("\n".join((first, second, *more)).strip()))
        if (first, second) != self.lines:
            self.lines = (first, second)
            self.setAccessibleName(". ".join(line for line in self.lines if line))
            self.update()

    def sizeHint(self) -> QSize:
        """Return a nominal width, which the layout can shrink."""
        return QSize(100, self.height())

    def shown_second(self, width: int) -> str:
        """Return the second line, shortened or elided if necessary to fit a width in pixels."""
        line, metrics = self.lines[1], self.fontMetrics()
        if self._short and metrics.horizontalAdvance(line) > width:
            line = self._short
        return metrics.elidedText(line, Qt.TextElideMode.ElideRight, width)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw both lines."""
        with painting(self) as painter:
            metrics, width = self.fontMetrics(), self.width() - 2 * MARGIN_PX
            for number, (line, tone) in enumerate(zip(self.lines, ("muted", "muted"), strict=True)):
                painter.setPen(colour(tone))
                text = metrics.elidedText(line, Qt.TextElideMode.ElideRight, width)
                if number == 1:
                    text = self.shown_second(width)
                painter.drawText(MARGIN_PX, 3 + metrics.ascent() + number * (metrics.height() + 1), text)
