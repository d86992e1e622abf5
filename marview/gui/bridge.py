"""Carries calls from other threads onto the window's thread."""

import contextlib
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal


class Bridge(QObject):
    """`post` may be called from any thread; the calls are made in order on the thread that made the bridge."""

    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._posted.connect(self._make, Qt.ConnectionType.QueuedConnection)

    def post(self, call: Callable[[], None]) -> None:
        """Make a call soon; none is made once the window is gone."""
        with contextlib.suppress(RuntimeError):
            self._posted.emit(call)

    def _make(self, call: Callable[[], None]) -> None:
        call()
