"""Worker processes that tests hand on to one another, because each start imports PyTorch and the kernels again."""

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from marview.children import NEUTRAL_FOLDER
from marview.mar.messages import Ready, encode
from marview.mar.process import WorkerProcess
from tests.zygote import Zygote

_MOST_IDLE = 2
_WITHOUT_EFFECT = {"PYTEST_CURRENT_TEST", "MARVIEW_PLUGINS", "COLUMNS", "NO_COLOR", "XDG_DATA_HOME"}
"""Variables of the environment that a worker does not read."""

Hear = Callable[[WorkerProcess, str], None]
End = Callable[[WorkerProcess], None]


class Lender:
    """Starter of worker processes, which keeps those that were let go while idle for the next caller.

    A process is handed on only to a caller with the same interpreter, arguments and environment. One that was killed,
    or that died, is not handed on. On Linux, new ones are forks of a process that has loaded PyTorch.
    """

    def __init__(self) -> None:
        self._idle: list[_Lent] = []
        self._zygote: Zygote | None = None
        self._lock = threading.Lock()
        # A worker dies with the thread that started it, so one thread starts them all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="lender")

    def __call__(self, python: str, arguments: Sequence[str], on_line: Hear, on_end: End) -> WorkerProcess:
        """Return a process, as `WorkerProcess` does."""
        kind = (python, *arguments, *sorted(f"{k}={v}" for k, v in os.environ.items() if k not in _WITHOUT_EFFECT))
        with self._lock:
            fitting = [process for process in self._idle if process.kind == kind and not process.has_ended]
            if fitting:
                self._idle.remove(fitting[-1])
        if fitting:
            fitting[-1].lend(on_line, on_end)
            return fitting[-1]
        return self._starter.submit(_Lent, self, kind, python, arguments, on_line, on_end).result()

    def take_back(self, process: "_Lent") -> None:
        """Keep a process that is idle; end the oldest if there are too many."""
        with self._lock:
            self._idle.append(process)
            left_over = [self._idle.pop(0) for _ in range(len(self._idle) - _MOST_IDLE)]
        for each in left_over:
            each.end()

    def zygote(self, environment: Mapping[str, str]) -> Zygote | None:
        """Return the process to fork a worker with this environment from; None if it needs a process of its own."""
        if sys.platform != "linux":
            return None
        if self._zygote is None:
            self._zygote = Zygote(environment)
        return self._zygote if self._zygote.suits(environment) else None

    def close(self) -> None:
        """End all processes."""
        while self._idle:
            self._idle.pop().end()
        self._starter.shutdown()
        if self._zygote is not None:
            self._zygote.close()


class _Lent(WorkerProcess):
    def __init__(
        self,
        lender: Lender,
        kind: tuple[str, ...],
        python: str,
        arguments: Sequence[str],
        on_line: Hear,
        on_end: End,
    ) -> None:
        self.kind, self._lender, self._is_lent, self._is_killed = kind, lender, True, False
        super().__init__(python, arguments, on_line, on_end)

    def _start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Any:
        zygote = self._lender.zygote(environment) if self.python == sys.executable else None
        if zygote is None:
            return super()._start(arguments, environment)
        return zygote.fork(arguments, environment, NEUTRAL_FOLDER)

    def lend(self, on_line: Hear, on_end: End) -> None:
        """Send the worker's messages to another caller and tell that caller that the worker is ready."""
        self.last_words.clear()
        self._is_lent, self._on_line, self._on_end = True, on_line, on_end
        on_line(self, encode(Ready(self.pid)))

    def hang_up(self) -> None:
        """Go back to the lender."""
        if self._is_lent and not self.has_ended:
            self._is_lent, self._on_line, self._on_end = False, _ignore, _ignore
            return
        super().hang_up()

    def join(self, timeout: float) -> bool:
        """Return immediately if it is idle; its caller then lets go of it."""
        if not self._is_lent and not self._is_killed:
            self._lender.take_back(self)
            return True
        return super().join(timeout)

    def kill(self) -> None:
        """End the process."""
        self._is_killed = True
        super().kill()

    def end(self) -> None:
        """End the process, because no caller needs it."""
        self._is_lent = False
        super().hang_up()
        super().join(5)


def _ignore(*_: object) -> None:
    pass
