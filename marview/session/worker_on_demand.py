"""Start a worker on first use."""

import threading
from collections.abc import Callable

from marview.errors import UsageError
from marview.mar import MarWorker


class WorkerOnDemand:
    """Callable that starts a worker on the first call and returns the same worker on later calls.

    Args:
        make: function that starts the worker.
    """

    def __init__(self, make: Callable[[], MarWorker]) -> None:
        self._make = make
        self._worker: MarWorker | None = None
        self._is_closed = False
        # two threads that call at the same time must not start two workers, because one would never end
        self._lock = threading.Lock()

    def __call__(self) -> MarWorker:
        """Return the worker.

        Raises:
            UsageError: `close` was called.
            NoThread: the system cannot start another thread.
        """
        with self._lock:
            if self._is_closed:
                raise UsageError("The worker is closed.")
            if self._worker is None:
                self._worker = self._make()
            return self._worker

    def close(self) -> None:
        """Close the worker if one was started."""
        with self._lock:
            self._is_closed = True
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()
