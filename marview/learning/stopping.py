"""Handle Ctrl-C and SIGTERM between two training steps, so that no file is left incomplete."""

import signal
import threading
from types import FrameType
from typing import Any, Self


class Stopping:
    """Context manager that records the first Ctrl-C or SIGTERM and raises KeyboardInterrupt at the second one.

    Attributes:
        is_asked: whether Ctrl-C or SIGTERM was received.
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
