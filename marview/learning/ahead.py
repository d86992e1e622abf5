"""Prepare training batches in a background thread, so that training does not wait for the simulator."""

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Self

from marview.learning.api import Batch, BatchSource
from marview.threads import start_thread


class Ahead:
    """Iterator over the batches of a source in order; a background thread prepares the next ones in advance.

    Args:
        source: function that returns the batch with a given number.
        first: number of the first batch.
        count: maximum number of batches prepared in advance.
    """

    def __init__(self, source: BatchSource, first: int, count: int) -> None:
        self._source, self._number = source, first
        self._ready: queue.Queue[Batch | BaseException] = queue.Queue(maxsize=max(1, count))
        self._is_over = threading.Event()
        self._thread = start_thread(self._work, "pairs")

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """Return the next batch; if the source failed, raise its exception."""
        made = self._ready.get()
        if isinstance(made, BaseException):
            self._is_over.set()
            raise made
        return made

    def close(self) -> None:
        """Stop preparing batches, and wait for the batch in progress."""
        self._is_over.set()
        while self._thread.is_alive():
            with suppress(queue.Empty):
                self._ready.get_nowait()
            self._thread.join(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        while not self._is_over.is_set():
            made: Batch | BaseException
            try:
                made = self._source(self._number)
            except BaseException as error:  # noqa: BLE001 - raised again in the training thread
                made = error
            self._number += 1
            while not self._is_over.is_set():
                with suppress(queue.Full):
                    self._ready.put(made, timeout=0.1)
                    break
            if isinstance(made, BaseException):
                return
