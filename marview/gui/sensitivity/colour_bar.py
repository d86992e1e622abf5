"""The colour scale of the sensitivity map, in a corner of its pane."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from marview.gui.sensitivity import colours
from marview.text import tr

BAR_PX, TALL_PX, ROOM_PX = 14, 104, 8


class ColourBar(QWidget):
    """A scale from 0 to the largest spread; transparent to the mouse."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.strongest_hu = 0.0
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFixedSize(94, TALL_PX + 44)
        self.setAccessibleName(tr("Scale of the sensitivity map"))
        self.hide()

    def show_scale(self, strongest_hu: float | None) -> None:
        """Show the scale; None hides it."""
        self.setVisible(strongest_hu is not None)
        if strongest_hu is not None:
            self.strongest_hu = strongest_hu
            self.update()

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
        bar = QRectF(self.width() - BAR_PX - ROOM_PX, 32, BAR_PX, TALL_PX)
        table = colours.scale()
        gradient = QLinearGradient(bar.bottomLeft(), bar.topLeft())
        for step, one in enumerate(table):
            gradient.setColorAt(step / (len(table) - 1), QColor(one.red(), one.green(), one.blue()))
        painter.fillRect(bar, gradient)
        painter.setPen(QColor(225, 230, 236))
        head = QRectF(ROOM_PX, 5, self.width() - 2 * ROOM_PX, 20)
        painter.drawText(head, Qt.AlignmentFlag.AlignRight, tr("Spread (SD)"))
        for share in (0.0, 0.5, 1.0):
            line = QRectF(ROOM_PX, bar.bottom() - share * bar.height() - 9, bar.left() - 2 * ROOM_PX, 18)
            value = f"{share * self.strongest_hu:g}" + (" HU" if share else "")
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, value)
