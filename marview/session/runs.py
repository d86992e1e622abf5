"""The queue of runs; buttons and progress derive from its state."""

import enum
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from psygnal import Signal

from marview.errors import MarviewError
from marview.mar.messages import Message, Note, Output, Progress, ReduceRequest, SliceDone, WeightsRead
from marview.mar.run import Outcome, Run
from marview.session.background import Background
from marview.session.messages import Messages, Severity
from marview.session.plane_store import KeptPlane
from marview.session.result import Result
from marview.text import tr, translatable
from marview.threads import NoThread, start_thread
from marview.time_left import TimeLeft

TOLD_SECONDS = 0.1
_NO_ROOM = translatable(
    "A corrected slice could not be stored: there is no space in memory or on the disk. Close other programs or "
    "free disk space, then choose Retry."
)
_log = logging.getLogger(__name__)


class State(enum.StrEnum):
    """The state of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    CRASHED = "crashed"

    @property
    def is_over(self) -> bool:
        """Return whether the run has ended."""
        return self in {State.DONE, State.CANCELLED, State.FAILED, State.CRASHED}


class Reducer(Protocol):
    """A process that corrects slices, such as `marview.mar.runner.MarWorker`."""

    def reduce(self, request: ReduceRequest, on_message: Callable[[Message], None]) -> Run:
        """Start a run and return at once."""


@dataclass(eq=False)
class Job:
    """A run as the user sees it.

    Attributes:
        result: result that the run fills.
        prepare: makes the request when the job's turn comes, so that a waiting job uses no memory.
        started: called on the window's thread when the run starts.
        ended: called on the window's thread when the job is over, even if it never started.
        request: request to the worker; its mask and correction are closed when the run is over.
        earlier_notes: notes of the earlier part of a continued run.
        purpose: identity of the task; equal for two runs that would do the same.
        has_waited: whether the job waited for other runs.
    """

    result: Result
    prepare: Callable[[], ReduceRequest]
    started: Callable[["Job"], None] = lambda _: None
    ended: Callable[["Job"], None] = lambda _: None
    request: ReduceRequest | None = None
    earlier_notes: tuple[str, ...] = ()
    state: State = State.QUEUED
    fraction: float = 0.0
    text: str = ""
    sentence: str = ""
    began: float = field(default_factory=time.monotonic)
    run: Run | None = None
    is_learning: bool = False
    has_learned: bool = False
    has_waited: bool = False
    purpose: object = None
    left: TimeLeft = field(default_factory=TimeLeft)

    @property
    def is_waiting(self) -> bool:
        """Return whether the job is still in the queue."""
        return self.run is None and self.state is State.QUEUED

    def keep(self, done: SliceDone) -> KeptPlane | None:
        """Store a copy of a slice's correction and release the worker's memory.

        Raises:
            MemoryError, OSError: there is no space for the copy.
        """
        if self.request is None:
            return None
        correction, row = self.request.correction, self.request.wanted.index(done.slice_index)
        kept = self.result.store.keep(correction.array[row])
        correction.forget(row)
        return kept

    def go_on(self, progress: Progress) -> None:
        """Record the progress; the remaining time is estimated for learning and for the rest separately."""
        if progress.is_learning != self.is_learning:
            self.is_learning = progress.is_learning
            self.left.restart(progress.fraction)
        self.has_learned |= progress.is_learning
        self.left.note(progress.fraction)
        self.fraction, self.text = progress.fraction, progress.text

    def close(self) -> None:
        """Release the memory of the request."""
        if self.request is not None:
            self.request.close()

    def forget(self) -> None:
        """Drop references to the volume, which a listed job would otherwise keep in memory."""
        self.prepare, self.started, self.ended = _over_already, _ignore, _ignore

    @property
    def remaining_s(self) -> float | None:
        """Return the estimated seconds left, of learning while it lasts; None while unknown."""
        return None if self.state.is_over else self.left.seconds


def _over_already() -> ReduceRequest:
    raise MarviewError(tr("This run is already over."))


def _ignore(_job: Job) -> None:
    pass


class Runs:
    """Starts, follows and cancels runs; one runs at a time, the others wait in order.

    Events on the window's thread: `changed(Job)` (at most ten times a second while it runs), `filled(slice_index)`
    when a slice or one of its pictures arrived.

    Attributes:
        job: running job, or the last one.
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
        """Start a job, or queue it behind the running one; return False if it is refused."""
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
        """Ask a job to stop, by default the running one; a waiting job leaves the queue."""
        job = job or self.job
        if job is None or job.state.is_over or job.state is State.CANCELLING:
            return
        if job in self.waiting:
            self.waiting.remove(job)
            self._over(job, State.CANCELLED)
        elif job.run is not None:
            job.state = State.CANCELLING
            job.run.cancel()
            self.changed.emit(job)

    def cancel_all(self, is_meant: Callable[[Job], bool] = lambda _: True) -> None:
        """Cancel all jobs, or those selected; waiting ones first, so that none of them starts."""
        for job in reversed(self.queue):
            if is_meant(job):
                self.cancel(job)

    def close(self) -> None:
        """Start no more runs."""
        self.waiting.clear()

    def _begin(self, job: Job) -> bool:
        try:
            job.request = request = job.prepare()
            run = self._reducer().reduce(request, lambda message: self._hear(job, message))
        except MarviewError as refusal:
            return self._refuse(job, str(refusal))
        job.run, job.began = run, time.monotonic()
        before, self.job = self.job, job
        self.changed.emit(job)
        try:
            start_thread(partial(self._await, job, run), "run")
        except NoThread as refusal:
            run.cancel()
            self.job = before
            return self._refuse(job, str(refusal))
        job.started(job)
        return True

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

    def _await(self, job: Job, run: Run) -> None:
        outcome = run.wait()
        self._post(lambda: self._end(job, outcome))

    def _hear(self, job: Job, message: Message) -> None:
        """Pass messages to the window: progress ten times a second, slices at once; on the worker's thread.

        Corrections are copied here, because copying 16 MB would delay the window's thread.
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
            self._post(lambda: self._take(job, message, kept))

    def _take(self, job: Job, message: Message, kept: KeptPlane | None = None) -> None:
        if job.state.is_over:
            return
        if job.state is State.QUEUED:
            job.state = State.RUNNING
        if isinstance(message, Progress):
            job.go_on(message)
            self.changed.emit(job)
        elif isinstance(message, Output):
            job.result.outputs[message.name, message.slice_index] = Path(message.path)
            self.filled.emit(message.slice_index)
        elif isinstance(message, SliceDone) and kept is not None:
            job.result.take(message, kept)
            self.filled.emit(message.slice_index)
            self.changed.emit(job)
        elif isinstance(message, WeightsRead):
            job.result.weights_sha256 = f"{job.result.weights_sha256} {message.sha256}".strip()
        elif isinstance(message, Note):
            notes = job.result.notes
            notes[:] = [message.sentence if note == message.replaces else note for note in notes]
            if message.sentence not in notes:
                notes.append(message.sentence)

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
        while self.waiting and not self.is_running:
            self._begin(self.waiting.pop(0))
