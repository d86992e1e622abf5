"""Keyboard input that works whichever widget has the focus."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractSpinBox, QLineEdit, QWidget

from marview.gui.event_filter import Handler

TYPED_IN_NUMBERS = frozenset("0123456789+-.,")
UNMODIFIED = frozenset({Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier})
EDITING = frozenset({Qt.Key.Key_Backspace, Qt.Key.Key_Delete, Qt.Key.Key_Left, Qt.Key.Key_Right})


class Keys(QObject):
    """Key handler that reports whether the `X` key is held.

    Keys that a focused number field does not use still trigger the shortcuts of the window.

    Attributes:
        handlers: key event handlers for the application's event filter.
    """

    held = Signal(bool)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._is_held = False
        self.handlers: dict[QEvent.Type, Handler] = {
            QEvent.Type.ShortcutOverride: self._leave_to_window,
            QEvent.Type.KeyPress: self._hold,
            QEvent.Type.KeyRelease: self._hold,
            QEvent.Type.WindowDeactivate: self._let_go,
        }

    def _leave_to_window(self, watched: QObject, event: QEvent) -> bool:
        """Let the window handle a key that a number field does not use."""
        if not isinstance(event, QKeyEvent) or not _is_number_field(watched):
            return False
        if event.key() in EDITING or (event.text() and event.text() in TYPED_IN_NUMBERS):
            return False
        event.ignore()
        return True

    def _hold(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.key() != Qt.Key.Key_X or event.modifiers() not in UNMODIFIED:
            return False
        if not isinstance(watched, QWidget) or watched.window() is not self._window or _is_text_field(watched):
            return False
        if not event.isAutoRepeat():
            self._set_held(is_held=event.type() == QEvent.Type.KeyPress)
        return True

    def _let_go(self, watched: QObject, _: QEvent) -> bool:
        if watched is self._window:
            self._set_held(is_held=False)
        return False

    def _set_held(self, *, is_held: bool) -> None:
        if is_held != self._is_held:
            self._is_held = is_held
            self.held.emit(is_held)


def _is_number_field(watched: QObject) -> bool:
    return isinstance(watched, QAbstractSpinBox) or (
        isinstance(watched, QLineEdit) and isinstance(watched.parent(), QAbstractSpinBox)
    )


def _is_text_field(watched: QObject) -> bool:
    return isinstance(watched, QLineEdit) and not _is_number_field(watched)
