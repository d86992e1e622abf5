"""A study to correct, and the state and result of its correction."""

import enum
import hashlib
from dataclasses import dataclass, field
from pathlib import Path


class State(enum.StrEnum):
    """State of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Return whether a job in this state is finished."""
        return self in {State.DONE, State.SKIPPED, State.FAILED}


@dataclass(frozen=True)
class Plan:
    """One study found by a scan, and the series chosen from it.

    Attributes:
        key: identifier from `key_of`; a later scan of the same files creates the same key.
        source: folder, archive or file of the chosen series.
        series: digest that identifies the chosen series in a scan of `source`; empty if no series was
            chosen.
        slices: number of slices of the series.
        state: QUEUED; SKIPPED or FAILED if the headers already show that the study cannot be corrected.
        reason: why the study is skipped or failed, in one sentence.
        earlier: keys of the same study from earlier scans in which no series could be chosen.
    """

    key: str
    source: Path
    series: str = ""
    slices: int = 0
    state: State = State.QUEUED
    reason: str = ""
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """A row of the job table.

    Attributes:
        number: position in the order of arrival, starting from 1.
        key: as in `Plan`.
        source: as in `Plan`.
        series: as in `Plan`.
        slices: as in `Plan`.
        state: state of the job.
        reason: why the study was skipped or failed, in one sentence.
        corrected: number of slices corrected so far.
        seconds: duration of the correction.
        notes: remarks for readers of the result.
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
        """Return the name of the output folder, built from the job's number and key, without patient data."""
        return f"study-{self.number:04d}-{self.key[:8]}"


@dataclass(frozen=True)
class Ending:
    """Outcome of the correction of one study."""

    state: State
    reason: str = ""
    corrected: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


def key_of(*parts: str) -> str:
    """Create a key from UIDs, or from a path if there are no UIDs.

    The key is a digest, which reveals neither the UIDs nor the path.
    """
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:32]
