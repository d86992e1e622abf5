"""A run in the job list: its state, progress and result."""

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from marview.errors import MarviewError
from marview.mar.messages import Message, Note, Output, Progress, ReduceRequest, SliceDone, WeightsRead
from marview.mar.run import Run
from marview.session.plane_store import KeptPlane
from marview.session.result import Result
from marview.text import tr
from marview.time_left import TimeLeft


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


@dataclass(eq=False)
class Job:
    """A run in the job list.

    Attributes:
        result: result in which the corrected slices are stored.
        prepare: function that creates the request; called on the job's thread when the job starts, so
            that a waiting job uses no memory.
        started: function called on the window's thread when the run starts.
        ended: function called on the window's thread when the job has ended, even if it never started.
        request: request to the worker; its mask and correction are closed when the run is over.
        earlier_notes: notes from the earlier part of a run that was continued.
        purpose: key that is the same for runs that would produce the same result.
        has_waited: whether the job waited for other runs.
        has_begun: whether the job has left the queue and started.
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
    has_begun: bool = False
    purpose: object = None
    left: TimeLeft = field(default_factory=TimeLeft)

    @property
    def is_waiting(self) -> bool:
        """Return whether the job is still in the queue."""
        return not self.has_begun and self.state is State.QUEUED

    def keep(self, done: SliceDone) -> KeptPlane | None:
        """Store a copy of a slice's correction, and release its shared memory.

        This is called on the worker's thread. The first slice is the one in view, so its corrected
        image is also computed here.

        Raises:
            MemoryError, OSError: there is not enough memory or disk space for the copy.
        """
        if self.request is None:
            return None
        z, correction = done.slice_index, self.request.correction
        row = self.request.wanted.index(z)
        kept = self.result.store.keep(correction.array[row])
        correction.forget(row)
        if row == 0:
            self.result.make_ready(self.request.hu.array[z], kept)
        return kept

    def take(self, message: Message, kept: KeptPlane | None = None) -> None:
        """Record a message from the worker; `kept` is the stored correction of a finished slice."""
        result = self.result
        if isinstance(message, Progress):
            self.go_on(message)
        elif isinstance(message, Output):
            result.outputs[message.name, message.slice_index] = Path(message.path)
        elif isinstance(message, SliceDone) and kept is not None:
            result.take(message, kept)
        elif isinstance(message, WeightsRead):
            result.weights_sha256 = f"{result.weights_sha256} {message.sha256}".strip()
        elif isinstance(message, Note):
            result.notes[:] = [message.sentence if note == message.replaces else note for note in result.notes]
            if message.sentence not in result.notes:
                result.notes.append(message.sentence)

    def go_on(self, progress: Progress) -> None:
        """Record the progress and estimate the remaining time, separately for training and correction."""
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
        """Drop references to the volume, so that the job list does not keep it in memory."""
        self.prepare, self.started, self.ended = _over_already, _ignore, _ignore

    @property
    def remaining_s(self) -> float | None:
        """Return the estimated time to the end of the current training or correction, s; None if unknown."""
        return None if self.state.is_over else self.left.seconds


def _over_already() -> ReduceRequest:
    raise MarviewError(tr("This run has already ended."))


def _ignore(_job: Job) -> None:
    pass
