"""Runs of methods: one model of a job, from which buttons and progress derive."""

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
from marview.session.background import Post
from marview.session.messages import Messages, Severity
from marview.session.result import Result
from marview.threads import NoThread, start_thread
from marview.time_left import TimeLeft

TOLD_SECONDS = 0.1
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
        request: what the worker was asked for; its mask and its correction are closed when the run is over.
        earlier_notes: notes of the run that stopped.
    """

    result: Result
    request: ReduceRequest
    earlier_notes: tuple[str, ...] = ()
    state: State = State.QUEUED
    fraction: float = 0.0
    text: str = ""
    sentence: str = ""
    began: float = field(default_factory=time.monotonic)
    run: Run | None = None
    is_learning: bool = False
    left: TimeLeft = field(default_factory=TimeLeft)

    def settle(self, done: SliceDone) -> None:
        """Take a corrected slice over into the result."""
        row = self.request.wanted.index(done.slice_index)
        self.result.take(done, self.request.correction.array[row])

    def go_on(self, progress: Progress) -> None:
        """Note how far the run has come; learning from the scan and what follows it have times of their own."""
        if progress.is_learning != self.is_learning:
            self.is_learning = progress.is_learning
            self.left.restart(progress.fraction)
        self.left.note(progress.fraction)
        self.fraction, self.text = progress.fraction, progress.text

    @property
    def remaining_s(self) -> float | None:
        """Seconds left, of the learning while it lasts; None while they are not known."""
        return None if self.state.is_over else self.left.seconds


class Runs:
    """Begins, follows and cancels runs; one at a time.

    Events, on the window's thread: `changed(Job)` (at most ten times a second while it runs), `filled(slice_index)`
    when a slice or one of its pictures arrived.
    """

    changed = Signal(Job)
    filled = Signal(int)

    def __init__(self, reducer: Callable[[], Reducer], post: Post, messages: Messages) -> None:
        self.job: Job | None = None
        self._reducer = reducer
        self._post = post
        self._messages = messages
        self._latest: Progress | None = None
        self._told = 0.0

    @property
    def is_running(self) -> bool:
        """Whether a run is under way."""
        return self.job is not None and not self.job.state.is_over

    def begin(self, request: ReduceRequest, result: Result, ended: Callable[[Job], None]) -> Job | None:
        """Begin a run that fills `result`; `ended` is called on the window's thread. None where it is refused."""
        job = Job(result, request, tuple(result.notes))
        try:
            run = self._reducer().reduce(request, lambda message: self._hear(job, message))
        except MarviewError as refusal:
            self._messages.error(str(refusal))
            return None
        job.run = run
        self.job = job
        self.changed.emit(job)
        try:
            start_thread(partial(self._await, job, run, ended), "run")
        except NoThread as refusal:
            run.cancel()
            self.job = None
            self._messages.error(str(refusal))
            return None
        return job

    def cancel(self) -> None:
        """Ask the run to stop; it says so until it has."""
        job = self.job
        if job is None or job.run is None or job.state.is_over or job.state is State.CANCELLING:
            return
        job.state = State.CANCELLING
        job.run.cancel()
        self.changed.emit(job)

    def _await(self, job: Job, run: Run, ended: Callable[[Job], None]) -> None:
        outcome = run.wait()
        self._post(lambda: self._end(job, outcome, ended))

    def _hear(self, job: Job, message: Message) -> None:
        """On the worker's thread: progress is passed on ten times a second, what arrived at once."""
        if isinstance(message, Progress):
            now = time.monotonic()
            if now - self._told < TOLD_SECONDS:
                return
            self._told = now
        self._post(lambda: self._take(job, message))

    def _take(self, job: Job, message: Message) -> None:
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
        elif isinstance(message, SliceDone):
            job.settle(message)
            self.filled.emit(message.slice_index)
            self.changed.emit(job)
        elif isinstance(message, WeightsRead):
            job.result.weights_sha256 = f"{job.result.weights_sha256} {message.sha256}".strip()
        elif isinstance(message, Note):
            notes = job.result.notes
            notes[:] = [message.sentence if note == message.replaces else note for note in notes]
            if message.sentence not in notes:
                notes.append(message.sentence)

    def _end(self, job: Job, outcome: Outcome, ended: Callable[[Job], None]) -> None:
        job.state = State(outcome.state)
        job.sentence = outcome.sentence
        report: Mapping[str, Any] = outcome.report
        job.result.report = report
        job.result.device = str(report.get("device", ""))
        job.result.seconds += float(report.get("seconds", time.monotonic() - job.began))
        job.result.notes = [*dict.fromkeys([*job.earlier_notes, *map(str, report.get("notes", job.result.notes))])]
        if job.state is State.DONE:
            job.fraction = 1.0
        elif job.state is not State.CANCELLED:
            self._messages.error(outcome.sentence)
        else:
            self._messages.say(Severity.INFO, "The run was cancelled. Your images are unchanged.")
        job.request.correction.close()
        job.request.mask.close()
        ended(job)
        self.changed.emit(job)
