"""What lies in a folder: studies, their series, and what was passed over."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from marview.dicom.header import SliceHeader
from marview.text import count

DERIVED_BY = 1000
"""What marview adds to the number of a series for the one derived from it."""

_DERIVATION = re.compile(r"metal artifact reduction(?:: (.*?) \S+, marview)?", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Series:
    """Slices that may be one volume, not yet in order; or one NIfTI file.

    Attributes:
        uid: the series' own UID; empty where the files name none.
        key: tells the series of one scan apart, also those that share a UID because one was split.
        slices: headers, in the order of their instance numbers. Empty for NIfTI.
        split: why this is only a part of what shares its UID; empty otherwise.
        nifti: the NIfTI file, where this is one.
        passed_over: sentences about files that were not looked at and may belong to this series.
        damaged: files that belong to the folder of this series and could not be read as headers, with the reason.
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
        """Tells the series of one scan apart as `key` does, and discloses nothing: UIDs often hold a date."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:16]

    @property
    def description(self) -> str:
        """What the series calls itself."""
        if self.nifti is not None:
            return self.nifti.name
        first = self.slices[0]
        return first.series_description or (f"Series {first.series_number}" if first.series_number else "Series")

    @property
    def derived(self) -> str:
        """What the series was made by, where it is itself a metal artifact reduction: "Normalized MAR of series 3"."""
        first = self.slices[0] if self.slices else None
        found = _DERIVATION.search("" if first is None else first.derivation)
        if first is None or found is None:
            return ""
        method = (found[1] or "").strip() or "Metal artifact reduction"
        source = (first.series_number or 0) - DERIVED_BY
        return f"{method} of series {source}" if source >= 0 else method

    @property
    def modality(self) -> str:
        """CT, MR, ...; empty where unsaid."""
        return self.slices[0].modality if self.slices else ""

    @property
    def path(self) -> Path:
        """The folder, archive or file it lies in."""
        if self.nifti is not None:
            return self.nifti
        source = self.slices[0].source
        is_one_file = source.member or len(self.slices) == 1 or self.slices[0].frame
        return source.path if is_one_file else source.path.parent

    def __len__(self) -> int:
        return len(self.slices)


@dataclass(frozen=True, eq=False)
class Study:
    """The series of one examination of one patient.

    Attributes:
        uid: empty where the files name none.
    """

    uid: str
    series: tuple[Series, ...]
    patient_name: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    date: str = field(default="", repr=False)
    description: str = field(default="", repr=False)


@dataclass(frozen=True, eq=False)
class Scan:
    """What a folder, archive or file holds.

    Attributes:
        skipped: how many files were passed over, by reason ("not DICOM", "not a regular file", ...).
        damaged: sentences about DICOM files whose header cannot be read.
        passed_over: sentences about files that may hold slices and could not be looked at.
    """

    path: Path
    studies: tuple[Study, ...]
    skipped: Mapping[str, int]
    damaged: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[Series, ...]:
        """Every series of every study."""
        return tuple(series for study in self.studies for series in study.series)

    @property
    def summary(self) -> str:
        """One line: what was found and what was passed over."""
        slices = sum(len(series) for series in self.series)
        parts = [f"{count(len(self.series), 'series', 'series')} with {count(slices, 'slice')}"]
        parts += [f"{number} {reason}" for reason, number in sorted(self.skipped.items())]
        parts += [f"{len(self.damaged)} damaged"] if self.damaged else []
        return ", ".join(parts)
