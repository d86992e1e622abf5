"""A study to correct, and what became of it."""

import enum
import hashlib
from dataclasses import dataclass, field
from pathlib import Path


class State(enum.StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to a job in this state."""
        return self in {State.DONE, State.SKIPPED, State.FAILED}


@dataclass(frozen=True)
class Plan:
    """What the intake makes of one study.

    Attributes:
        key: identifies the work, also in a later scan of the same files; `key_of` makes it.
        source: folder, archive or file of the chosen series.
        series: digest of the chosen series, for a scan of `source`; empty where there is none.
        slices: number of slices of the series.
        state: QUEUED, or SKIPPED or FAILED where the headers alone decide.
        reason: why it is skipped or failed, one sentence.
    """

    key: str
    source: Path
    series: str = ""
    slices: int = 0
    state: State = State.QUEUED
    reason: str = ""


@dataclass(frozen=True)
class Job:
    """A row of the job table.

    Attributes:
        number: position in the order of arrival, from 1.
        key: as of `Plan`.
        source: as of `Plan`.
        series: as of `Plan`.
        slices: as of `Plan`.
        state: where it stands.
        reason: why it was skipped or failed, one sentence.
        corrected: number of slices that a method changed.
        seconds: how long the correction took.
        notes: what a reader of the result should know.
    """

    number: int
    key: str
    source: Path
    series: str
    slices: int
    state: State
    reason: str = ""
    corrected: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())

    @property
    def folder(self) -> str:
        """Name of its output folder: its number and the beginning of its key, so nothing of a patient."""
        return f"study-{self.number:04d}-{self.key[:8]}"


@dataclass(frozen=True)
class Ending:
    """How the correction of one study ended."""

    state: State
    reason: str = ""
    corrected: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


def key_of(*parts: str) -> str:
    """Make a key from UIDs, or from a path where a file names none: a digest that discloses neither."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
