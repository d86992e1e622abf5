"""Ctrl-C and the system's wish to end, heard between two steps, so that nothing is left half done."""

import signal
import threading
from types import FrameType
from typing import Any, Self


class Stopping:
    """While it lasts, Ctrl-C and SIGTERM are noted; the second one is raised at once.

    Attributes:
        is_asked: whether somebody wants the run to end.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_asked:
            raise KeyboardInterrupt
        self.is_asked = True
