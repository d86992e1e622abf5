"""The report on a series: its findings, and whether it can be viewed and corrected."""

import enum
from dataclasses import dataclass

from marview.dicom.header import SliceHeader
from marview.geometry import Grid
from marview.text import translatable


class Outcome(enum.IntEnum):
    """Outcome of opening a series: without warnings, with warnings, for viewing only, or not at all."""

    OPENS = 0
    WARNS = 1
    VIEWS = 2
    REFUSES = 3


class Kind(enum.StrEnum):
    """The subject of a finding."""

    MISSING_SLICE = "missing slice"
    UNEVEN_SPACING = "uneven spacing"
    GANTRY_TILT = "gantry tilt"
    REFORMAT = "reformat"
    DUPLICATE = "duplicate"
    SAME_POSITION = "same position twice"
    SAME_UID = "same UID twice"
    NOT_A_VOLUME = "not a volume"
    MIXED = "several acquisitions"
    PART = "mixed series"
    SEVERAL_PATIENTS = "several patients"
    SCOUT = "scout"
    LOSSY = "lossy compression"
    CLIPPED = "clipped HU"
    NO_RESCALE = "no rescale"
    BAD_RESCALE = "unusable rescale"
    NO_POSITION = "no position"
    NO_SPACING = "no pixel spacing"
    COLOUR = "colour"
    NOT_CT = "not CT"
    DAMAGED = "damaged slice"
    DOUBTFUL = "doubtful slice"
    NO_UID = "no UID"
    UNKNOWN_SYNTAX = "unknown transfer syntax"
    MULTI_FRAME = "multi-frame"
    TOO_LARGE = "too large"
    PADDING = "stray padding"
    BITS = "contradictory bits"
    NO_NUMBER = "NaN values"
    NOT_HU = "not HU"
    LABELS = "labels"
    NO_UNIT = "not in mm"
    ODD_HEADER = "odd header"
    PASSED_OVER = "skipped files"
    FLOAT_PIXELS = "float pixels"


GET_AGAIN = translatable("Copy the files from their source again, or export the series again.")
"""Advice at the end of the message that refuses a damaged series."""


@dataclass(frozen=True)
class Finding:
    """A finding about a series.

    Attributes:
        sentence: message with the files and the expected and actual values.
        outcome: outcome if this is the only finding; OPENS if it is for information only.
        slices: z indices of the affected slices; empty if the finding concerns the whole series.
    """

    kind: Kind
    sentence: str
    outcome: Outcome = Outcome.WARNS
    slices: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices ordered along the slice normal, from the foot end.

    Attributes:
        slices: headers by index z; None for missing or unusable slices. Empty for NIfTI.
        grid: grid of the voxels. If the stack is not a volume, only the pixel spacing is reliable.
    """

    slices: tuple[SliceHeader | None, ...]
    grid: Grid

    @property
    def gaps(self) -> tuple[int, ...]:
        """Return the z indices of the slices without an image."""
        return tuple(z for z, header in enumerate(self.slices) if header is None)


@dataclass(frozen=True, eq=False)
class SeriesReport:
    """Findings and ordered slices of a checked series.

    Attributes:
        findings: findings about the files, each with a sentence, a kind, an outcome and the affected slices.
        stack: ordered slices; None if the series cannot be displayed.
    """

    findings: tuple[Finding, ...]
    stack: Stack | None

    def __repr__(self) -> str:
        kinds = ", ".join(dict.fromkeys(finding.kind.value for finding in self.findings)) or "no findings"
        return f"SeriesReport({self.outcome.name.lower()}: {kinds})"  # not the headers, which name the patient

    @property
    def outcome(self) -> Outcome:
        """Return the worst outcome of the findings."""
        return max((finding.outcome for finding in self.findings), default=Outcome.OPENS)

    @property
    def is_volume(self) -> bool:
        """Return whether lengths, angles and HU are reliable, so that methods can run."""
        return self.outcome <= Outcome.WARNS

    @property
    def reason(self) -> str:
        """Return the reason why measuring and MAR are refused, or an empty string if they are allowed."""
        return "" if self.is_volume else max(self.findings, key=lambda finding: finding.outcome).sentence

    @property
    def is_damaged(self) -> bool:
        """Return whether part of the series cannot be read."""
        return any(finding.kind is Kind.DAMAGED for finding in self.findings)

    @property
    def question(self) -> str:
        """Return the question to ask before correcting a series with missing slices; empty if none are missing."""
        has_gap = bool(self.stack is not None and self.stack.gaps) or self.is_damaged
        about = {Kind.MISSING_SLICE, Kind.DAMAGED, Kind.SAME_POSITION, Kind.SAME_UID}
        sentences = [finding.sentence for finding in self.findings if finding.kind in about]
        return " ".join([*sentences, translatable("Correct the slices that are present?")]) if has_gap else ""
