"""Pass calls from other threads to the window's thread."""

import contextlib
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal


class Bridge(QObject):
    """Bridge that runs calls posted from any thread, in order, on the thread that created it."""

    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._posted.connect(self._make, Qt.ConnectionType.QueuedConnection)

    def post(self, call: Callable[[], None]) -> None:
        """Queue a call; it is dropped if the window no longer exists."""
        with contextlib.suppress(RuntimeError):
            self._posted.emit(call)

    def _make(self, call: Callable[[], None]) -> None:
        call()
