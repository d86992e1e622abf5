"""Queue of runs; its state controls the buttons and the progress bar."""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from psygnal import Signal

from marview.errors import MarviewError
from marview.mar.messages import Message, Output, Progress, ReduceRequest, SliceDone
from marview.mar.run import Outcome, Run
from marview.session.background import Background, answer
from marview.session.job import Job, State
from marview.session.messages import Messages, Severity
from marview.session.plane_store import KeptPlane
from marview.text import tr, translatable
from marview.threads import start_thread

TOLD_SECONDS = 0.1
_NO_ROOM = translatable(
    "A corrected slice could not be stored: there is no space in memory or on the disk. Close other programs or "
    "free disk space, then choose Retry."
)
_log = logging.getLogger(__name__)


class Reducer(Protocol):
    """Object that corrects slices, such as `marview.mar.runner.MarWorker`."""

    def reduce(self, request: ReduceRequest, on_message: Callable[[Message], None]) -> Run:
        """Start a run and return immediately."""


class Runs:
    """Queue that starts, monitors and cancels runs, and executes them one at a time, in order.

    Events on the window's thread: `changed(Job)` (at most ten times a second while the job runs)
    and `filled(slice_index)` when a corrected slice or an intermediate image arrives.

    Attributes:
        job: running job, or the last job that ran.
        waiting: waiting jobs in order.
    """

    changed = Signal(Job)
    filled = Signal(int)

    def __init__(self, reducer: Callable[[], Reducer], background: Background, messages: Messages) -> None:
        self.job: Job | None = None
        self.waiting: list[Job] = []
        self._reducer = reducer
        self._post = background.post
        self._let_go = background.let_go
        self._messages = messages
        self._told = 0.0
        self._heard: deque[tuple[Job, Message, KeptPlane | None]] = deque()

    @property
    def is_running(self) -> bool:
        """Return whether a run is in progress."""
        return self.job is not None and not self.job.state.is_over

    @property
    def queue(self) -> list[Job]:
        """Return the running job and the waiting ones."""
        under_way = [self.job] if self.job is not None and self.is_running else []
        return [*under_way, *self.waiting]

    def add(self, job: Job) -> bool:
        """Start a job, or queue it behind the running one; return False if it cannot start."""
        if self.is_running:
            job.has_waited = True
            self.waiting.append(job)
            self.changed.emit(job)
            return True
        return self._begin(job)

    def move(self, job: Job, places: int) -> None:
        """Move a waiting job up (-1) or down (1) in the queue."""
        at = self.waiting.index(job)
        self.waiting.remove(job)
        self.waiting.insert(max(0, at + places), job)
        self.changed.emit(job)

    def cancel(self, job: Job | None = None) -> None:
        """Cancel a job, by default the running one; a waiting job is removed from the queue."""
        job = job or self.job
        if job is None or job.state.is_over or job.state is State.CANCELLING:
            return
        if job in self.waiting:
            self.waiting.remove(job)
            self._over(job, State.CANCELLED)
        else:
            job.state = State.CANCELLING
            if job.run is not None:
                job.run.cancel()
            self.changed.emit(job)

    def cancel_all(self, is_meant: Callable[[Job], bool] = lambda _: True) -> None:
        """Cancel all jobs, or only the jobs selected by `is_meant`.

        Waiting jobs are cancelled first, so that none of them starts.
        """
        for job in reversed(self.queue):
            if is_meant(job):
                self.cancel(job)

    def close(self) -> None:
        """Remove the waiting jobs, so that none of them starts."""
        self.waiting.clear()

    def _begin(self, job: Job) -> bool:
        before, self.job = self.job, job
        job.has_begun, job.began = True, time.monotonic()
        self.changed.emit(job)
        try:
            work = partial(self._work, job, self._reducer())
            start_thread(partial(answer, work, partial(self._end, job), partial(self._fail, job), self._post), "run")
        except MarviewError as refusal:
            self.job = before
            return self._refuse(job, str(refusal))
        job.started(job)
        return True

    def _work(self, job: Job, reducer: Reducer) -> Outcome:
        """Prepare and run a job on its own thread, because allocating its memory would delay the window."""
        job.request = request = job.prepare()
        job.run = run = reducer.reduce(request, partial(self._hear, job))
        if job.state is State.CANCELLING:
            run.cancel()
        return run.wait()

    def _fail(self, job: Job, sentence: str) -> None:
        """End a job that could not start."""
        self._refuse(job, sentence)
        self._next()

    def _refuse(self, job: Job, sentence: str) -> bool:
        self._messages.error(sentence)
        self._let_go(job.close)
        job.sentence = sentence
        self._over(job, State.FAILED)
        return False

    def _over(self, job: Job, state: State) -> None:
        job.state = state
        job.ended(job)
        job.forget()
        self.changed.emit(job)

    def _hear(self, job: Job, message: Message) -> None:
        """Pass messages from the worker's thread to the window: progress ten times a second, slices immediately.

        Corrections are copied on the worker's thread, because copying 16 MB would delay the window. Messages that
        arrive while the window is busy are shown together.
        """
        if isinstance(message, Progress):
            now = time.monotonic()
            if now - self._told < TOLD_SECONDS:
                return
            self._told = now
        try:
            kept = job.keep(message) if isinstance(message, SliceDone) else None
        except (MemoryError, OSError):
            self._post(lambda: self._messages.error(tr(_NO_ROOM)))
        else:
            self._heard.append((job, message, kept))
            self._post(self._take_heard)

    def _take_heard(self) -> None:
        """Record all messages that have arrived, and emit one event per slice and job."""
        slices: dict[int, None] = {}
        jobs: dict[Job, None] = {}
        while self._heard:
            job, message, kept = self._heard.popleft()
            if job.state.is_over:
                continue
            if job.state is State.QUEUED:
                job.state = State.RUNNING
            if isinstance(message, Output | SliceDone):
                slices[message.slice_index] = None
            if isinstance(message, Progress | SliceDone):
                jobs[job] = None
            job.take(message, kept)
        for z in slices:
            self.filled.emit(z)
        for job in jobs:
            self.changed.emit(job)

    def _end(self, job: Job, outcome: Outcome) -> None:
        job.sentence = outcome.sentence
        report: Mapping[str, Any] = outcome.report
        job.result.report = report
        job.result.device = str(report.get("device", ""))
        job.result.seconds += float(report.get("seconds", time.monotonic() - job.began))
        job.result.notes = [*dict.fromkeys([*job.earlier_notes, *map(str, report.get("notes", job.result.notes))])]
        state = State(outcome.state)
        if state is State.DONE:
            job.fraction = 1.0
        elif state is not State.CANCELLED:
            self._messages.error(outcome.sentence)
        else:
            self._messages.say(Severity.INFO, tr("The run was cancelled. Your images are unchanged."))
        self._let_go(job.close)
        self._over(job, state)
        self._next()

    def _next(self) -> None:
        while self.waiting and not self.is_running:
            self._begin(self.waiting.pop(0))
