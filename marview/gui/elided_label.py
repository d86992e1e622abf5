"""A line of text that is elided to fit; its tool tip shows the whole text."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from marview.gui.label import Label, tooltip
from marview.gui.painting import painting


class ElidedLabel(Label):
    """Label that fills the space not used by its neighbours.

    Attributes:
        is_whole: whether the label never shrinks below the width of its text.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.is_whole = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        """Return a width of 0, so that the label can shrink completely, unless `is_whole` is True."""
        width = self.fontMetrics().horizontalAdvance(self.text()) if self.is_whole else 0
        return QSize(width, super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the text, elided to the width of the label."""
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        if self.toolTip() != (words := tooltip(self.text())):
            self.setToolTip(words)
        with painting(self) as painter:
            painter.setPen(self.palette().color(self.foregroundRole()))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
