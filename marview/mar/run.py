"""A run: its request, its messages, its cancelling and its outcome."""

import itertools
import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from marview.errors import BadInput, MethodFailed, UsageError
from marview.mar.arrays import clear_unwritten, is_written
from marview.mar.messages import Message, Request, SliceDone

log = logging.getLogger(__name__)

OnMessage = Callable[[Message], None]


@dataclass(frozen=True)
class Outcome:
    """Outcome of a run.

    Attributes:
        state: "done", "failed", "cancelled", or "crashed" if the worker's process ended.
        sentence: what went wrong, for the user; empty if nothing did.
        report: method, version, parameters, device, seconds, notes, and for each slice its index, number of metal
            pixels, trace fraction and seconds.
        exit_code: exit code of the command line.
    """

    state: Literal["done", "failed", "crashed", "cancelled"]
    sentence: str = ""
    report: Mapping[str, Any] = field(default_factory=dict)
    exit_code: int = 0

    def check(self) -> Mapping[str, Any]:
        """Return the report of a finished run.

        Raises:
            UsageError: wrong usage.
            BadInput: a file could not be used.
            MethodFailed: the method failed or crashed, or was cancelled.
        """
        if self.state == "done":
            return self.report
        raise {2: UsageError, 3: BadInput}.get(self.exit_code, MethodFailed)(self.sentence)


class Run:
    """A requested run, from the queue to its end.

    Attributes:
        written: slices with a complete correction.
    """

    _ids = itertools.count(1)

    def __init__(self, request: Request, python: str, on_message: OnMessage, cancel: Callable[["Run"], None]) -> None:
        self.id = next(self._ids)
        self.request = request
        self.python = python
        self.is_cancelled = False
        self.written: set[int] = set()
        self._on_message, self._cancel = on_message, cancel
        self._ended = threading.Event()
        self._outcome: Outcome | None = None

    def cancel(self) -> None:
        """Cancel the run: ask the worker, terminate it after some seconds, kill it after some more."""
        self._cancel(self)

    def wait(self, timeout: float | None = None) -> Outcome:
        """Wait for the end of the run; do not call it from `on_message`.

        Raises:
            TimeoutError: it still runs after `timeout` seconds.
        """
        if not self._ended.wait(timeout):
            raise TimeoutError(f"run {self.id} still runs")
        assert self._outcome is not None
        return self._outcome

    def wait_or_cancel(self, is_cancelled: Callable[[], bool] = lambda: False) -> Outcome:
        """Wait for the end of the run; Ctrl-C cancels the run and is raised after its end.

        It waits in short steps, because Ctrl-C does not interrupt a long wait on every system.

        Args:
            is_cancelled: called a few times per second; True cancels the run.
        """
        try:
            while True:
                if is_cancelled():
                    self.cancel()
                    return self.wait()
                try:
                    return self.wait(0.2)
                except TimeoutError:
                    continue
        except KeyboardInterrupt:
            self.cancel()
            self.wait()  # the end of the run still clears its arrays, which the caller closes
            raise

    @property
    def outcome(self) -> Outcome | None:
        """Outcome of the run; None while it runs."""
        return self._outcome

    def discard_outputs(self) -> None:
        """Remove the files of its intermediate pictures."""
        folder = getattr(self.request, "output_folder", "")
        if folder:
            shutil.rmtree(folder, ignore_errors=True)

    def tell(self, message: Message) -> None:
        """Pass a message to its listener, and log a failure of the listener.

        A finished slice is checked before, because the listener may release its correction.
        """
        if isinstance(message, SliceDone) and is_written(self.request, message.slice_index):
            self.written.add(message.slice_index)
        try:
            self._on_message(message)
        except Exception:
            log.exception("run %d: its listener failed on %s", self.id, type(message).__name__)

    def end(self, outcome: Outcome) -> None:
        """Set its outcome."""
        try:
            clear_unwritten(self.request, self.written)
        finally:
            self._outcome = outcome
            self._ended.set()
