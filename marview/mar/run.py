"""A run in a worker process: its request, messages, cancellation and outcome."""

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
        state: "done", "failed", "cancelled", or "crashed" if the worker process ended unexpectedly.
        sentence: error message for the user; empty if there was no error.
        report: method, version, parameters, device, seconds, notes, and for each slice its index, number of metal
            pixels, trace fraction and seconds.
        exit_code: exit code for the command line.
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
    """A requested run, which may be queued, in progress or finished.

    Attributes:
        written: indices of the slices with a complete correction.
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
        """Cancel the run.

        A worker that does not stop within a few seconds is terminated, and killed if necessary.
        """
        self._cancel(self)

    def wait(self, timeout: float | None = None) -> Outcome:
        """Wait for the end of the run; do not call it from `on_message`.

        Raises:
            TimeoutError: the run has not ended after `timeout` seconds.
        """
        if not self._ended.wait(timeout):
            raise TimeoutError(f"run {self.id} has not finished")
        assert self._outcome is not None
        return self._outcome

    def wait_or_cancel(self, is_cancelled: Callable[[], bool] = lambda: False) -> Outcome:
        """Wait for the run to end; Ctrl-C cancels it and raises KeyboardInterrupt once it has ended.

        The wait is split into short steps, because on some systems Ctrl-C does not interrupt a long wait.

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
            self.wait()  # the caller closes the arrays, but they are still cleared at the end of the run
            raise

    @property
    def outcome(self) -> Outcome | None:
        """Outcome of the run; None until the run has ended."""
        return self._outcome

    def discard_outputs(self) -> None:
        """Remove the files of the intermediate images."""
        folder = getattr(self.request, "output_folder", "")
        if folder:
            shutil.rmtree(folder, ignore_errors=True)

    def tell(self, message: Message) -> None:
        """Pass a message to the listener, and log any exception that it raises.

        If the message reports a finished slice, its correction is checked first, because the listener may
        release the memory of the correction.
        """
        if isinstance(message, SliceDone) and is_written(self.request, message.slice_index):
            self.written.add(message.slice_index)
        try:
            self._on_message(message)
        except Exception:
            log.exception("run %d: its listener failed on %s", self.id, type(message).__name__)

    def end(self, outcome: Outcome) -> None:
        """Set the outcome of the run."""
        try:
            clear_unwritten(self.request, self.written)
        finally:
            self._outcome = outcome
            self._ended.set()
