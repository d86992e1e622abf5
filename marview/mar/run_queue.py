"""Queue of runs that starts the worker process, receives its messages and ends each run."""

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from marview.geometry import SliceNumbers
from marview.mar.arrays import mark_unwritten, unwritten
from marview.mar.messages import (
    Cancelled,
    CancelRequest,
    CasesRequest,
    CheckRequest,
    DescribeRequest,
    Failed,
    Finished,
    Ready,
    ReduceRequest,
    Request,
    decode,
)
from marview.mar.process import WorkerProcess, lacks_packages
from marview.mar.run import Outcome, Run
from marview.mar.shared import NoRoom
from marview.memory import NO_MEMORY, tell_of_lacking_memory
from marview.threads import NO_THREAD, NoThread, is_lack_of_threads, start_thread, tell_of_lacking_threads

log = logging.getLogger(__name__)


class RunQueue:
    """Queue that executes runs one after the other in a worker process.

    The process starts with the first run and is replaced after a failure. A single thread does all the work and also
    starts the process, because on some systems the process is killed when the thread that started it ends (see
    `WorkerProcess`).

    Args:
        arguments: command-line arguments of the worker process.
        patience_s: seconds that a cancelled run may take to end before the process is terminated, and then killed.
        starts_within_s: seconds that the process may take to start.

    Raises:
        NoThread: the system cannot start another thread.
    """

    def __init__(self, arguments: Sequence[str], *, patience_s: float, starts_within_s: float) -> None:
        self._arguments = list(arguments)
        self._patience_s = patience_s
        self._starts_within_s = starts_within_s
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._waiting: deque[Run] = deque()
        self._current: Run | None = None
        self._process: WorkerProcess | None = None
        self._deadline: float | None = None
        self._overdue: Callable[[], None] = self._kill
        self._is_closed = False
        self._thread = start_thread(self._serve, "mar-worker")

    @property
    def process(self) -> WorkerProcess | None:
        """The current process."""
        return self._process

    @property
    def is_closed(self) -> bool:
        """Whether the queue has been closed, so that it no longer accepts runs."""
        return self._is_closed

    def add(self, run: Run) -> None:
        """Queue a run; return immediately."""
        self._inbox.put(partial(self._add, run))

    def cancel(self, run: Run) -> None:
        """Cancel a run; return immediately."""
        self._inbox.put(partial(self._cancel, run))

    def close(self) -> None:
        """End all runs and the process."""
        if not self._is_closed:
            self._is_closed = True
            self._inbox.put(self._end_all)
            if threading.current_thread() is not self._thread:
                self._thread.join()

    @property
    def _is_idle(self) -> bool:
        return self._process is None and self._current is None and not self._waiting

    def _serve(self) -> None:
        # Runs that were added just before `close` still wait in the inbox; each must end.
        while not (self._is_closed and self._is_idle and self._inbox.empty()):
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
        """End the process and the current run, so that no caller waits forever; the next run starts a new process."""
        with contextlib.suppress(OSError):
            self._drop()
        if self._current is not None:
            try:
                self._finish(Outcome("crashed", f"{_who(self._current)} could not run: {bug}.", exit_code=4))
            except Exception as next_bug:
                log.exception("the runner failed")
                self._give_up(next_bug)

    def _add(self, run: Run) -> None:
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
        """Start a process with this interpreter, unless the current process already uses it."""
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
            log.warning("the worker sent a line of %d characters that is not a message", len(line))
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
                log.warning("%s", message.detail)
            if message.is_unexpected:
                self._drop()
            self._finish(Outcome("failed", message.sentence, exit_code=message.exit_code))
        elif isinstance(message, Cancelled):
            self._finish(_CANCELLED)
        else:
            run.tell(message)  # type: ignore[arg-type]

    def _take_end(self, run: Run, message: Finished) -> None:
        """Handle the worker's message that a run has finished; the run fails if a result was not written."""
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
        elif tell_of_lacking_memory(process.last_words):
            self._finish(Outcome("failed", NO_MEMORY, exit_code=4))
        elif lacks := lacks_packages("\n".join(process.last_words), process.python):
            self._finish(Outcome("failed", lacks, exit_code=4))
        else:
            said = f" Last line of its output: {process.last_words[-1]}" if process.last_words else ""
            sentence = (
                f"{_who(run)} stopped unexpectedly: its process {process.ending}. Your images are unchanged.{said}"
            )
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
        """Discard the process; the next request starts a new one."""
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


def _who(run: Run) -> str:
    if isinstance(run.request, ReduceRequest | CasesRequest | CheckRequest):
        return f"The method {run.request.method}"
    if isinstance(run.request, DescribeRequest):
        return f"The method in {run.request.folder}"
    return "The worker"


def _words(request: Request, slices: Sequence[int]) -> str:
    numbers = request.numbers if isinstance(request, ReduceRequest) else SliceNumbers(len(slices))
    return numbers.words(slices)
