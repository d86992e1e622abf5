"""Run methods in a warm worker process, which contains all their failures."""

import contextlib
import dataclasses
import logging
import queue
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from marview.errors import MarviewError, UsageError
from marview.geometry import SliceNumbers
from marview.log_file import without_words
from marview.mar.arrays import check_arrays, check_trace, mark_unwritten, unwritten
from marview.mar.discovery import Listing, discover, find_usable
from marview.mar.messages import (
    Cancelled,
    CancelRequest,
    CasesRequest,
    DescribeRequest,
    DevicesRequest,
    Failed,
    Finished,
    Message,
    Ready,
    ReduceRequest,
    Request,
    SinogramRequest,
    TraceRequest,
    decode,
)
from marview.mar.process import WorkerProcess
from marview.mar.run import OnMessage, Outcome, Run
from marview.mar.scratch import scratch
from marview.mar.shared import NoRoom
from marview.threads import NO_THREAD, NoThread, is_lack_of_threads, start_thread, tell_of_lacking_threads

log = logging.getLogger(__name__)

_START_S = 120.0


class MarWorker:
    """One warm worker process, started with the first request and replaced after a failure.

    Runs follow one another. Listeners (`on_message`) are called on a thread of the worker, which they must not
    block.

    Args:
        listings: function that finds the installed methods.
        memory_limit_mb: memory limit of the worker; None for no limit.
        patience_s: time for a cancelled run to end before the worker is terminated, and then killed.
        starts_within_s: time for the process to start.

    Raises:
        NoThread: the system cannot start another thread.
    """

    def __init__(
        self,
        *,
        listings: Callable[[], list[Listing]] = discover,
        memory_limit_mb: int | None = None,
        patience_s: float = 2.0,
        starts_within_s: float = _START_S,
    ) -> None:
        self._listings = listings
        self._starts_within_s = starts_within_s
        self._arguments = [] if memory_limit_mb is None else ["--memory-limit-mb", str(memory_limit_mb)]
        self._patience_s = patience_s
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting: deque[Run] = deque()
        self._current: Run | None = None
        self._process: WorkerProcess | None = None
        self._deadline: float | None = None
        self._overdue: Callable[[], None] = self._kill
        self._is_closed = False
        # This thread starts the process, so that the process lives exactly as long as the thread (see WorkerProcess).
        self._thread = start_thread(self._serve, "mar-worker")

    # -- requests, from any thread ------------------------------------------------------------------------------

    def methods(self) -> dict[str, dict[str, Any]]:
        """Return the JSON schema of the parameters of every usable method, by identifier; broken methods are logged."""
        schemas = {}
        for listing in self._listings():
            if listing.is_usable:
                try:
                    schemas[listing.id] = self.describe(listing.id)
                except MarviewError as error:
                    log.warning("the parameters of %s are not known (%s)", listing.id, type(error).__name__)
        return schemas

    def describe(self, method: str) -> dict[str, Any]:
        """Return the JSON schema of a method's parameters.

        Raises:
            UsageError: there is no such method.
            MethodFailed: its code cannot be loaded.
        """
        listing, python = self._find(method)
        report = self._submit(DescribeRequest(str(listing.folder)), python, _ignore).wait().check()
        return dict(report["parameters"])

    def check(self, method: str) -> None:
        """Import a method and compare its weights with the manifest.

        Raises:
            UsageError: there is no such method.
            MethodFailed: its code cannot be imported, or its weights are missing or damaged.
        """
        listing, python = self._find(method)
        self._submit(DescribeRequest(str(listing.folder), check_weights=True), python, _ignore).wait().check()

    def devices(self) -> list[dict[str, Any]]:
        """List the devices of this machine: name ("cpu", "cuda:0"), title, free_mb, total_mb.

        Raises:
            MethodFailed: the worker does not start.
        """
        return list(self._submit(DevicesRequest(), sys.executable, _ignore).wait().check()["devices"])

    def reduce(self, request: ReduceRequest, on_message: OnMessage) -> Run:
        """Correct slices of a volume; returns at once.

        Raises:
            UsageError: no such method, or arrays and slices that do not fit together.
        """
        check_arrays(request)
        listing, python = self._find(request.method)
        return self._submit(dataclasses.replace(request, folder=str(listing.folder)), python, on_message)

    def sinogram(self, request: SinogramRequest, on_message: OnMessage) -> Run:
        """Show sinogram, trace and LI sinogram of a slice; returns at once.

        Raises:
            UsageError: arrays and slice do not fit together.
        """
        check_arrays(request)
        return self._submit(request, sys.executable, on_message)

    def trace(self, request: TraceRequest) -> Run:
        """Mark the metal trace of a slice into the request's array; returns at once.

        Raises:
            UsageError: mask, slice and trace do not fit together.
        """
        check_trace(request)
        return self._submit(request, sys.executable, _ignore)

    def cases(self, request: CasesRequest, on_message: OnMessage) -> Run:
        """Run a method on case files; returns at once.

        Raises:
            UsageError: no such method, or not one result per case.
        """
        if len(request.cases) != len(request.results):
            raise UsageError(f"{len(request.cases)} cases need as many results, not {len(request.results)}.")
        listing, python = self._find(request.method)
        return self._submit(dataclasses.replace(request, folder=str(listing.folder)), python, on_message)

    def close(self) -> None:
        """End the worker and its runs, and remove the files of their pictures."""
        if not self._is_closed:
            self._is_closed = True
            self._inbox.put(self._end_all)
            if threading.current_thread() is not self._thread:
                self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _find(self, method: str) -> tuple[Listing, str]:
        listing = find_usable(method, self._listings())
        assert listing.manifest is not None
        if not listing.manifest.python:
            return listing, sys.executable
        python = listing.folder / Path(listing.manifest.python).expanduser()
        if not python.is_file():
            raise UsageError(f"The method {method} needs the interpreter {python}, which does not exist.")
        return listing, str(python)

    def _submit(self, request: Request, python: str, on_message: OnMessage) -> Run:
        if self._is_closed:
            raise UsageError("The worker is closed.")
        run = Run(request, python, on_message, lambda run: self._inbox.put(partial(self._cancel, run)))
        if isinstance(request, ReduceRequest | SinogramRequest):
            folder = scratch(Path(tempfile.gettempdir())) / f"run-{run.id}"
            run.request = dataclasses.replace(request, output_folder=str(folder))
        self._inbox.put(partial(self._queue, run))
        return run

    # -- work on the worker's own thread ------------------------------------------------------------------------

    def _serve(self) -> None:
        while not (self._is_closed and self._process is None and self._current is None and not self._waiting):
            timeout = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
            try:
                call = self._inbox.get(timeout=timeout)
            except queue.Empty:
                call = self._overdue
            try:
                call()
            except Exception as bug:
                log.exception("the runner failed")
                self._give_up(bug)

    def _give_up(self, bug: Exception) -> None:
        """End the current run, because its caller waits, and its process; the next run gets a new one."""
        with contextlib.suppress(OSError):
            self._drop()
        if self._current is not None:
            try:
                self._finish(Outcome("crashed", f"{_who(self._current)} could not run: {bug}.", exit_code=4))
            except Exception as next_bug:
                log.exception("the runner failed")
                self._give_up(next_bug)

    def _queue(self, run: Run) -> None:
        self._waiting.append(run)
        self._next()

    def _next(self) -> None:
        while self._current is None and self._waiting:
            run = self._waiting.popleft()
            if self._is_closed:
                run.end(_CANCELLED)
                continue
            self._current = run
            try:
                mark_unwritten(run.request)
                self._start(run.python)
            except NoRoom as error:
                self._finish(Outcome("failed", str(error), exit_code=3))
                continue
            except (OSError, MemoryError, NoThread) as error:
                if is_lack_of_threads(error):
                    self._finish(Outcome("failed", NO_THREAD, exit_code=NoThread.exit_code))
                    continue
                why = str(error) or "there is not enough memory"
                sentence = f"The worker cannot be started with {run.python}: {why.rstrip('.')}."
                self._finish(Outcome("crashed", sentence, exit_code=4))
                continue
            assert self._process is not None
            self._process.send(run.request)

    def _start(self, python: str) -> None:
        """Start a process with this interpreter, or keep a living one that has it."""
        if self._process is not None and (self._process.python != python or self._process.has_ended):
            self._drop()
        if self._process is None:
            self._process = WorkerProcess(
                python,
                self._arguments,
                lambda process, line: self._inbox.put(partial(self._hear, process, line)),
                lambda process: self._inbox.put(partial(self._bury, process)),
            )
            self._expect(self._starts_within_s, self._start_is_late)

    def _hear(self, process: WorkerProcess, line: str) -> None:
        if process is not self._process:
            return
        try:
            message = decode(line)
        except ValueError:
            log.warning("the worker said something that is no message, of %d characters", len(line))
            return
        run = self._current
        if isinstance(message, Ready):
            if run is None or not run.is_cancelled:
                self._deadline = None
        elif run is None:
            log.debug("late: %s", type(message).__name__)
        elif isinstance(message, Finished):
            self._take_end(run, message)
        elif isinstance(message, Failed):
            if message.detail:
                log.warning("%s", without_words(message.detail))
            if message.is_unexpected:
                self._drop()
            self._finish(Outcome("failed", message.sentence, exit_code=message.exit_code))
        elif isinstance(message, Cancelled):
            self._finish(_CANCELLED)
        else:
            run.tell(message)  # type: ignore[arg-type]

    def _take_end(self, run: Run, message: Finished) -> None:
        """The worker says that a run is done; it is where all was written."""
        missing = unwritten(run.request, run.written)
        if missing:
            self._drop()
            sentence = f"{_who(run)} did not write {_words(run.request, missing)}."
            self._finish(Outcome("failed", sentence, exit_code=4))
        else:
            self._finish(Outcome("done", report=message.report))

    def _bury(self, process: WorkerProcess) -> None:
        """Handle the end of the process."""
        if process is not self._process:
            return
        self._process = None
        run = self._current
        if run is None:
            self._deadline = None
        elif run.is_cancelled:
            self._finish(_CANCELLED)
        elif tell_of_lacking_threads(process.last_words):
            self._finish(Outcome("failed", NO_THREAD, exit_code=NoThread.exit_code))
        else:
            said = f" Its last words: {process.last_words[-1]}" if process.last_words else ""
            sentence = f"{_who(run)} stopped unexpectedly: its process {process.ending}. Nothing was changed.{said}"
            self._finish(Outcome("crashed", sentence, exit_code=4))

    def _cancel(self, run: Run) -> None:
        if run in self._waiting:
            self._waiting.remove(run)
            run.end(_CANCELLED)
        elif run is self._current and not run.is_cancelled:
            run.is_cancelled = True
            if self._process is not None:
                self._process.send(CancelRequest())
            self._expect(self._patience_s, self._terminate)

    def _finish(self, outcome: Outcome) -> None:
        run, self._current, self._deadline = self._current, None, None
        assert run is not None
        try:
            run.end(outcome)
        finally:
            self._next()

    def _expect(self, seconds: float, otherwise: Callable[[], None]) -> None:
        self._deadline, self._overdue = time.monotonic() + seconds, otherwise

    def _terminate(self) -> None:
        if self._process is not None:
            self._process.terminate()
        self._expect(self._patience_s, self._kill)

    def _kill(self) -> None:
        self._deadline = None
        if self._process is not None:
            self._process.kill()

    def _start_is_late(self) -> None:
        self._deadline = None
        self._drop()
        if self._current is not None:
            sentence = (
                f"The worker did not start within {self._starts_within_s:.0f} s: the machine is too busy or short of "
                "memory. Close other programs and try again."
            )
            self._finish(Outcome("crashed", sentence, exit_code=4))

    def _drop(self) -> None:
        """Drop the process; the next request gets a new one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.join(5)

    def _end_all(self) -> None:
        if self._process is not None:
            self._process.hang_up()
            if self._current is not None or not self._process.join(self._patience_s):
                self._process.kill()
                self._process.join(5)
            self._process = None
        if self._current is not None:
            self._finish(_CANCELLED)
        self._next()


_CANCELLED = Outcome("cancelled", "Cancelled.", exit_code=130)


def _ignore(_message: Message) -> None:
    pass


def _who(run: Run) -> str:
    if isinstance(run.request, ReduceRequest | CasesRequest):
        return f"The method {run.request.method}"
    if isinstance(run.request, DescribeRequest):
        return f"The method in {run.request.folder}"
    return "The worker"


def _words(request: Request, slices: Sequence[int]) -> str:
    numbers = request.numbers if isinstance(request, ReduceRequest) else SliceNumbers(len(slices))
    return numbers.words(slices)
