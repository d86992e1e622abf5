"""A worker that is made when it is first needed, on whichever thread that is, and never after the end."""

import threading
from collections.abc import Callable

from marview.errors import UsageError
from marview.mar import MarWorker


class WorkerOnDemand:
    """One worker, made for whoever asks for it first.

    Args:
        make: makes the worker.
    """

    def __init__(self, make: Callable[[], MarWorker]) -> None:
        self._make = make
        self._worker: MarWorker | None = None
        self._is_closed = False
        self._lock = (
            threading.Lock()
        )  # two threads that ask at the same time must not make two, because one would never end

    def __call__(self) -> MarWorker:
        """Return the worker.

        Raises:
            UsageError: it is closed.
            NoThread: the system cannot start another thread.
        """
        with self._lock:
            if self._is_closed:
                raise UsageError("The worker is closed.")
            if self._worker is None:
                self._worker = self._make()
            return self._worker

    def close(self) -> None:
        """End the worker, if one was made."""
        with self._lock:
            self._is_closed = True
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()
