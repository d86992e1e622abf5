"""A colour scale in the upper right corner of a pane, with labels beside it and a title above."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from marview.gui.painting import painting

BAR_PX, TALL_PX, ROOM_PX, TITLE_PX = 14, 104, 8, 20
CORNER_PX, BELOW_BANNER_PX = 10, 60
TALL_VIEW_PX = 340
"""Minimum height of a view in pixels at which the scale leaves room for a banner above it."""

INK = QColor(225, 230, 236)


class ScaleBar(QWidget):
    """Base class for colour scales; mouse events pass through to the view below.

    Subclasses define the colours and labels.

    Args:
        host: view that shows the scale.
        name: accessible name.
    """

    title = ""

    def __init__(self, host: QWidget, name: str) -> None:
        super().__init__(host)
        self._host = host
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedSize(94, TALL_PX + 24 + (TITLE_PX if self.title else 0))
        self.setAccessibleName(name)
        self.hide()

    @property
    def colours(self) -> Sequence[QColor]:
        """Return the colours from the lower to the upper end."""
        raise NotImplementedError

    @property
    def labels(self) -> tuple[str, str, str]:
        """Return the labels of the lower end, the middle and the upper end."""
        raise NotImplementedError

    def place(self) -> None:
        """Move to the upper right corner of the view."""
        top = BELOW_BANNER_PX if self._host.height() >= TALL_VIEW_PX else CORNER_PX
        self.move(max(0, self._host.width() - self.width() - CORNER_PX), top)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the bar, its labels and the title."""
        with painting(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(0, 0, 0, 150))
            painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
            font = QFont(self.font())
            font.setPointSizeF(max(7.5, font.pointSizeF() * 0.88))
            painter.setFont(font)
            bar = QRectF(self.width() - BAR_PX - ROOM_PX, self.height() - TALL_PX - 12, BAR_PX, TALL_PX)
            gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
            for step, one in enumerate(self.colours):
                gradient.setColorAt(step / (len(self.colours) - 1), QColor(one.red(), one.green(), one.blue()))
            painter.fillRect(bar, gradient)
            painter.setPen(INK)
            painter.drawText(
                QRectF(4, 4, self.width() - 4 - ROOM_PX, TITLE_PX), Qt.AlignmentFlag.AlignRight, self.title
            )
            for share, label in zip((0.0, 0.5, 1.0), self.labels, strict=True):
                line = QRectF(4, bar.bottom() - share * bar.height() - 9, bar.left() - ROOM_PX, 18)
                painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, label)
