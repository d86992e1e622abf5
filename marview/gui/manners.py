"""Behaviour of all controls: the wheel changes only the focused field, and long tool tips are wrapped."""

from types import MappingProxyType
from typing import TypeGuard

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QSlider, QToolTip, QWidget

from marview.gui.label import TIP_CHARACTERS, wrapped


def _keep_focus_from_wheel(watched: QObject, _: QEvent) -> bool:
    if _is_field(watched) and watched.focusPolicy() == Qt.FocusPolicy.WheelFocus:
        watched.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return False


def _scroll_around_field(watched: QObject, event: QEvent) -> bool:
    if not _is_field(watched) or watched.hasFocus():
        return False
    event.ignore()  # lets the scroll area around the field scroll
    return True


def _wrap_tip(watched: QObject, event: QEvent) -> bool:
    if not isinstance(watched, QWidget) or not isinstance(event, QHelpEvent):
        return False
    tip = watched.toolTip()
    if max(map(len, tip.split("\n"))) <= TIP_CHARACTERS or tip.startswith("<"):
        return False
    QToolTip.showText(event.globalPos(), wrapped(tip), watched)
    return True


def _is_field(watched: QObject) -> TypeGuard[QAbstractSpinBox | QComboBox | QSlider]:
    return isinstance(watched, QAbstractSpinBox | QComboBox | QSlider)


MANNERS = MappingProxyType(
    {
        QEvent.Type.Polish: _keep_focus_from_wheel,
        QEvent.Type.Show: _keep_focus_from_wheel,
        QEvent.Type.Wheel: _scroll_around_field,
        QEvent.Type.ToolTip: _wrap_tip,
    }
)
"""Handlers for the event filter of the application."""
