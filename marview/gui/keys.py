"""Keys that work whichever widget has the focus."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QWidget

TYPED_IN_NUMBERS = frozenset("0123456789+-.,")
EDITING = frozenset({Qt.Key.Key_Backspace, Qt.Key.Key_Delete, Qt.Key.Key_Left, Qt.Key.Key_Right})


class KeyFilter(QObject):
    """An application-wide filter: number fields take only digits, other keys reach the window, and `X` can be held."""

    held = Signal(bool)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._is_held = False
        application = QApplication.instance()
        if application is not None:
            application.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle key events before the focused widget does."""
        kind = event.type()
        if kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            return self._leaves_to_window(watched, event)
        if kind in {QEvent.Type.KeyPress, QEvent.Type.KeyRelease} and isinstance(event, QKeyEvent):
            return self._hold(watched, event, is_down=kind == QEvent.Type.KeyPress)
        if kind == QEvent.Type.WindowDeactivate and watched is self._window:
            self._set_held(is_held=False)
        return False

    def _leaves_to_window(self, watched: QObject, event: QKeyEvent) -> bool:
        """Return whether to keep a number field from claiming a key that it does not use."""
        if not _is_number_field(watched):
            return False
        if event.key() in EDITING or (event.text() and event.text() in TYPED_IN_NUMBERS):
            return False
        event.ignore()
        return True

    def _hold(self, watched: QObject, event: QKeyEvent, *, is_down: bool) -> bool:
        if event.key() != Qt.Key.Key_X or event.modifiers() not in {
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        }:
            return False
        if not isinstance(watched, QWidget) or watched.window() is not self._window or _is_text_field(watched):
            return False
        if not event.isAutoRepeat():
            self._set_held(is_held=is_down)
        return True

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
