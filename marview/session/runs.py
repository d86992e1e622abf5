"""Runs of methods: a queue of jobs with one model, from which buttons and progress derive."""

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
from marview.threads import NoThread, start_thread
from marview.time_left import TimeLeft

TOLD_SECONDS = 0.1
_NO_ROOM = (
    "A corrected slice could not be kept: there is room neither in memory nor on the disk. Close other programs or "
    "make room, and choose Retry."
)
_log = logging.getLogger(__name__)


class State(enum.StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    CRASHED = "crashed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self in {State.DONE, State.CANCELLED, State.FAILED, State.CRASHED}


class Reducer(Protocol):
    """What corrects; `marview.mar.runner.MarWorker` is one."""

    def reduce(self, request: ReduceRequest, on_message: Callable[[Message], None]) -> Run:
        """Begin a run; returns at once."""


@dataclass(eq=False)
class Job:
    """One run as the person sees it.

    Attributes:
        result: what it fills.
        prepare: makes the request when the turn of the job comes; what it needs of memory is taken only then.
        started: called on the window's thread when the run begins.
        ended: called on the window's thread when the job is over, also where it never began.
        request: what the worker was asked for; its mask and its correction are closed when the run is over.
        earlier_notes: notes of the run that stopped.
        purpose: what the run is for; equal for two runs that would do the same.
        has_waited: whether other runs came first.
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
        """Whether its turn has not come."""
        return self.run is None and self.state is State.QUEUED

    def keep(self, done: SliceDone) -> KeptPlane | None:
        """A copy of the correction of a slice; the memory that the worker wrote it to is given back.

        Raises:
            MemoryError, OSError: there is no room for it.
        """
        if self.request is None:
            return None
        correction, row = self.request.correction, self.request.wanted.index(done.slice_index)
        kept = self.result.store.keep(correction.array[row])
        correction.forget(row)
        return kept

    def go_on(self, progress: Progress) -> None:
        """Note how far the run has come; learning from the scan and what follows it have times of their own."""
        if progress.is_learning != self.is_learning:
            self.is_learning = progress.is_learning
            self.left.restart(progress.fraction)
        self.has_learned |= progress.is_learning
        self.left.note(progress.fraction)
        self.fraction, self.text = progress.fraction, progress.text

    def close(self) -> None:
        """Let go of the memory of the request."""
        if self.request is not None:
            self.request.correction.close()
            self.request.mask.close()

    def forget(self) -> None:
        """Let go of the volume that the run needed: whoever still lists the job, and its run, would keep it."""
        self.prepare, self.started, self.ended = _over_already, _ignore, _ignore

    @property
    def remaining_s(self) -> float | None:
        """Seconds left, of the learning while it lasts; None while they are not known."""
        return None if self.state.is_over else self.left.seconds


def _over_already() -> ReduceRequest:
    raise MarviewError("This run is over already.")


def _ignore(_job: Job) -> None:
    pass


class Runs:
    """Begins, follows and cancels runs: one at a time, the others wait in order.

    Events, on the window's thread: `changed(Job)` (at most ten times a second while it runs), `filled(slice_index)`
    when a slice or one of its pictures arrived.

    Attributes:
        job: the run under way, else the last one.
        waiting: the jobs whose turn comes next, in order.
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
        """Whether a run is under way."""
        return self.job is not None and not self.job.state.is_over

    @property
    def queue(self) -> list[Job]:
        """The run under way and those that wait."""
        under_way = [self.job] if self.job is not None and self.is_running else []
        return [*under_way, *self.waiting]

    def add(self, job: Job) -> bool:
        """Begin a job, or let it wait for the run under way; False where it is refused."""
        if self.is_running:
            job.has_waited = True
            self.waiting.append(job)
            self.changed.emit(job)
            return True
        return self._begin(job)

    def move(self, job: Job, places: int) -> None:
        """Let a waiting job begin earlier (-1) or later (1)."""
        at = self.waiting.index(job)
        self.waiting.remove(job)
        self.waiting.insert(max(0, at + places), job)
        self.changed.emit(job)

    def cancel(self, job: Job | None = None) -> None:
        """Ask a job to stop, by default the one under way; it says so until it has. A waiting job leaves the queue."""
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
        """Cancel every job, or those of a kind; the waiting ones first, so that none of them begins."""
        for job in reversed(self.queue):
            if is_meant(job):
                self.cancel(job)

    def close(self) -> None:
        """Begin nothing more."""
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
        """On the worker's thread: progress is passed on ten times a second, what arrived at once.

        Corrections are copied here, because on the window's thread a copy of 16 MB is felt.
        """
        if isinstance(message, Progress):
            now = time.monotonic()
            if now - self._told < TOLD_SECONDS:
                return
            self._told = now
        try:
            kept = job.keep(message) if isinstance(message, SliceDone) else None
        except (MemoryError, OSError):
            self._post(lambda: self._messages.error(_NO_ROOM))
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
            self._messages.say(Severity.INFO, "The run was cancelled. Your images are unchanged.")
        self._let_go(job.close)
        self._over(job, state)
        while self.waiting and not self.is_running:
            self._begin(self.waiting.pop(0))
