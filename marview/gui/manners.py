"""Behaviour of all controls: the wheel changes only the focused field, and long tool tips are wrapped."""

import textwrap

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QComboBox, QSlider, QToolTip, QWidget

TIP_CHARACTERS = 72


class Manners(QObject):
    """An event filter for all windows of the application."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        application = QApplication.instance()
        if application is not None:
            application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle an event before its widget does."""
        kind = event.type()
        field = watched if isinstance(watched, QAbstractSpinBox | QComboBox | QSlider) else None
        if field is not None and kind in {QEvent.Type.Polish, QEvent.Type.Show}:
            if field.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        elif field is not None and kind == QEvent.Type.Wheel:
            if not field.hasFocus():
                event.ignore()  # lets the scroll area around the field scroll
                return True
        elif kind == QEvent.Type.ToolTip and isinstance(watched, QWidget) and isinstance(event, QHelpEvent):
            tip = watched.toolTip()
            if max(map(len, tip.split("\n"))) > TIP_CHARACTERS and not tip.startswith("<"):
                QToolTip.showText(event.globalPos(), wrapped(tip), watched)
                return True
        return False


def wrapped(tip: str) -> str:
    """Break a tool tip into short lines."""
    return "\n".join(textwrap.fill(line, TIP_CHARACTERS) for line in tip.split("\n"))
