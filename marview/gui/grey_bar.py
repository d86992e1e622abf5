"""The grey scale of a difference image, in a corner of its pane."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from marview.text import tr
from marview.volume.window import HuWindow

BAR_PX, TALL_PX, ROOM_PX = 14, 104, 8


class GreyBar(QWidget):
    """A scale over an HU window; transparent to the mouse."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._host = parent
        self.window_hu: HuWindow | None = None
        self.is_inverted = False
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedSize(94, TALL_PX + 24)
        self.setAccessibleName(tr("Scale of the difference"))
        self.hide()

    @property
    def labels(self) -> tuple[str, str, str]:
        """Return the labels of the lower end, the middle and the upper end."""
        if self.window_hu is None:
            return "", "", ""
        low, high = self.window_hu.low_hu, self.window_hu.high_hu
        return f"{low:+.0f}", f"{(low + high) / 2:+.0f}".replace("+0", "0"), f"{high:+.0f} HU"

    def show_scale(self, window: HuWindow | None, *, is_inverted: bool) -> None:
        """Show the scale; None hides it."""
        self.window_hu, self.is_inverted = window, is_inverted
        self.setVisible(window is not None)
        self.place()
        self.update()

    def place(self) -> None:
        """Move to the upper right corner."""
        self.move(max(0, self._host.width() - self.width() - 10), 10)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the bar and its labels."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 150))
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        font = QFont(self.font())
        font.setPointSizeF(max(7.5, font.pointSizeF() * 0.88))
        painter.setFont(font)
        bar = QRectF(self.width() - BAR_PX - ROOM_PX, 12, BAR_PX, TALL_PX)
        gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
        black, white = (1.0, 0.0) if self.is_inverted else (0.0, 1.0)
        gradient.setColorAt(black, QColor(0, 0, 0))
        gradient.setColorAt(white, QColor(255, 255, 255))
        painter.fillRect(bar, gradient)
        painter.setPen(QColor(225, 230, 236))
        for share, label in zip((0.0, 0.5, 1.0), self.labels, strict=True):
            line = QRectF(4, bar.bottom() - share * bar.height() - 9, bar.left() - 8, 18)
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, label)
