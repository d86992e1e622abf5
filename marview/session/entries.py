"""Find the series under a path, and group them by patient for the series list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.dicom import Series, SeriesReport, Study, check, scan
from marview.errors import BadInput
from marview.session.thumbnail import thumbnail


@dataclass(frozen=True, eq=False)
class Entry:
    """Entry in the series list.

    Attributes:
        picture: thumbnail, uint8 `[y, x]`; None if it cannot be created before the series is read.
    """

    study: Study
    series: Series
    report: SeriesReport
    picture: NDArray[np.uint8] | None = None

    @property
    def key(self) -> str:
        """Return the unique key of the series."""
        return f"{self.study.uid}/{self.series.key}"

    @property
    def slice_count(self) -> int:
        """Return the number of slices, or the number of files if the series cannot be stacked."""
        return self.report.stack.grid.shape[0] if self.report.stack else len(self.series)


@dataclass(frozen=True, eq=False)
class Found:
    """The series found under a path, with a message for the user."""

    path: Path
    entries: tuple[Entry, ...]
    notes: str = ""


def look(path: Path, is_cancelled: Callable[[], bool] = lambda: False) -> Found:
    """Find the series under a path by reading file headers.

    Raises:
        BadInput: there is no series under the path.
        Cancelled: `is_cancelled` returned True.
    """
    found = scan(path, is_cancelled=is_cancelled)
    entries = tuple(
        Entry(study, series, report, thumbnail(series, report))
        for study in found.studies
        for series in study.series
        for report in (check(series),)
    )
    return Found(path, entries, " ".join(found.damaged[:2]))


def find(path: Path, is_cancelled: Callable[[], bool], *, may_be_refused: bool) -> Found:
    """Find the series under a path.

    With `may_be_refused`, the error message is returned as a note instead of raising `BadInput`.
    """
    try:
        return look(path, is_cancelled)
    except BadInput as refusal:
        if not may_be_refused:
            raise
        return Found(path, (), str(refusal))


def patient_of(study: Study) -> tuple[str, ...]:
    """Return a key made from the patient's identifier and normalised name.

    A study that has neither an identifier nor a name counts as a separate patient.
    """
    name = " ".join(study.patient_name.replace("^", " ").split()).casefold()
    who = (study.patient_id.strip(), name)
    return who if any(who) else ("", "", study.uid or str(id(study)))


def grouped(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Group entries by patient and study; otherwise, keep their order."""
    patients: dict[tuple[str, ...], dict[str, list[Entry]]] = {}
    for entry in entries:
        study = entry.study.uid or str(id(entry.study))
        patients.setdefault(patient_of(entry.study), {}).setdefault(study, []).append(entry)
    return tuple(entry for studies in patients.values() for series in studies.values() for entry in series)
