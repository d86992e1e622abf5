"""The result of a scan: studies, their series, and skipped files."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from marview.dicom.header import SliceHeader
from marview.dicom.walk import counted
from marview.text import count

DERIVED_BY = 1000
"""Difference between the numbers of a derived series and its source series."""

_DERIVATION = re.compile(r"metal artifact reduction(?:: (.*?) \S+, marview)?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Series:
    """One NIfTI file, or slices that may form one volume but are not yet sorted by position.

    Attributes:
        uid: Series Instance UID; empty if the files have none.
        key: unique key within a scan, even for parts that share a UID.
        slices: headers ordered by instance number. Empty for NIfTI.
        split: how the slices differ from others with the same UID; empty if there are no others.
        nifti: NIfTI file; None for DICOM.
        passed_over: messages about skipped files that may belong to this series.
        damaged: messages about files in this series' folder whose headers cannot be read.
    """

    uid: str
    key: str
    slices: tuple[SliceHeader, ...]
    split: str = ""
    nifti: Path | None = None
    damaged: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Return a unique hash of `key` that is safe to show, whereas UIDs often contain a date."""
        return hashlib.sha256(self.key.encode(errors="surrogatepass")).hexdigest()[:16]

    @property
    def description(self) -> str:
        """Return the series description, or "Series" with its number."""
        if self.nifti is not None:
            return self.nifti.name
        first = self.slices[0]
        return first.series_description or (f"Series {first.series_number}" if first.series_number else "Series")

    @property
    def derived(self) -> str:
        """Return how a corrected series was made, such as "Normalized MAR of series 3"; empty for other series."""
        first = self.slices[0] if self.slices else None
        found = _DERIVATION.search("" if first is None else first.derivation)
        if first is None or found is None:
            return ""
        method = (found[1] or "").strip() or "Metal artifact reduction"
        source = (first.series_number or 0) - DERIVED_BY
        return f"{method} of series {source}" if source >= 0 else method

    @property
    def modality(self) -> str:
        """Return the modality, such as CT or MR; empty if unknown."""
        return self.slices[0].modality if self.slices else ""

    @property
    def path(self) -> Path:
        """Return the folder, archive or file of the series."""
        if self.nifti is not None:
            return self.nifti
        source = self.slices[0].source
        is_one_file = source.member or len(self.slices) == 1 or self.slices[0].frame
        return source.path if is_one_file else source.path.parent

    def __len__(self) -> int:
        return len(self.slices)


@dataclass(frozen=True, eq=False)
class Study:
    """The series of one study of one patient.

    Attributes:
        uid: Study Instance UID; empty if the files have none.
    """

    uid: str
    series: tuple[Series, ...]
    patient_name: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    date: str = field(default="", repr=False)
    description: str = field(default="", repr=False)


@dataclass(frozen=True, eq=False)
class Scan:
    """The contents of a folder, archive or file.

    Attributes:
        skipped: number of skipped files by reason ("not DICOM", "not a regular file", ...).
        damaged: messages about DICOM files whose header cannot be read.
        passed_over: messages about files that may contain slices but could not be read.
    """

    path: Path
    studies: tuple[Study, ...]
    skipped: Mapping[str, int]
    damaged: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[Series, ...]:
        """Return all series of all studies."""
        return tuple(series for study in self.studies for series in study.series)

    @property
    def summary(self) -> str:
        """Return a one-line summary of the series found and the files skipped."""
        slices = sum(len(series) for series in self.series)
        parts = [f"{count(len(self.series), 'series', 'series')} with {count(slices, 'slice')}"]
        parts += [counted(reason, number) for reason, number in sorted(self.skipped.items())]
        parts += [f"{len(self.damaged)} damaged"] if self.damaged else []
        return ", ".join(parts)
