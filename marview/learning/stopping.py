"""Ctrl-C and SIGTERM during training, handled between two steps, so that no file is half-written."""

import signal
import threading
from types import FrameType
from typing import Any, Self


class Stopping:
    """Within the block, the first Ctrl-C or SIGTERM is noted, and the second one is raised immediately.

    Attributes:
        is_asked: whether the run should end.
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
