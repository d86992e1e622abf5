"""A badge for a finding in the series list; its text is elided to fit."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QSizePolicy

from marview.gui.label import Label
from marview.gui.painting import painting

_SIDES_PX = 14
"""Padding at both sides in the style sheet."""

_SPARE_PX = 4
"""Extra width in pixels, because Qt rounds the widths of letters."""


class Badge(Label):
    """Badge that shrinks if its row is too narrow.

    Args:
        words: text of the finding.
        kind: "error", "warning" or empty; sets the colours.
    """

    def __init__(self, words: str, kind: str) -> None:
        super().__init__(words)
        self.setObjectName("badge")
        self.setProperty("kind", kind)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)

    def sizeHint(self) -> QSize:
        """Return a size that fits the whole text."""
        width = self.fontMetrics().horizontalAdvance(self.text()) + _SIDES_PX + _SPARE_PX
        return QSize(width, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Return a size that fits the first few letters."""
        shortest = self.fontMetrics().horizontalAdvance(self.text()[:3] + "…") + _SIDES_PX + _SPARE_PX
        return QSize(min(shortest, self.sizeHint().width()), super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the text, elided to the width of the badge."""
        inside = self.contentsRect()
        shown = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, inside.width())
        with painting(self) as painter:
            self.drawFrame(painter)
            painter.setPen(self.palette().color(self.foregroundRole()))
            painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
