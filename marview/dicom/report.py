"""What is wrong with a series, as named findings, and what may be done with it."""

import enum
from dataclasses import dataclass

from marview.dicom.header import SliceHeader
from marview.geometry import Grid


class Outcome(enum.IntEnum):
    """What becomes of a series, from best to worst."""

    OPENS = 0
    WARNS = 1
    VIEWS = 2
    REFUSES = 3


class Kind(enum.StrEnum):
    """What a finding is about."""

    MISSING_SLICE = "missing slice"
    UNEVEN_SPACING = "uneven spacing"
    GANTRY_TILT = "gantry tilt"
    REFORMAT = "reformat"
    DUPLICATE = "duplicate"
    SAME_POSITION = "same position twice"
    SAME_UID = "same UID twice"
    NOT_A_VOLUME = "not a volume"
    MIXED = "several acquisitions"
    PART = "part of a mixed series"
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
    DOUBTFUL = "slice that may be damaged"
    NO_UID = "no UID"
    UNKNOWN_SYNTAX = "unknown transfer syntax"
    MULTI_FRAME = "multi-frame"
    TOO_LARGE = "too large"
    PADDING = "padding value in the image"
    BITS = "contradictory bits"
    NO_NUMBER = "no number"
    NOT_HU = "values that are no HU"
    NO_UNIT = "no unit"
    ODD_HEADER = "odd header"
    PASSED_OVER = "files passed over"
    FLOAT_PIXELS = "float pixels"


@dataclass(frozen=True)
class Finding:
    """One thing worth knowing about a series.

    Attributes:
        sentence: what, which files, expected and found.
        outcome: what this finding alone leads to; OPENS where it is only worth knowing.
        slices: indices z it is about; empty where it is about the whole series.
    """

    kind: Kind
    sentence: str
    outcome: Outcome = Outcome.WARNS
    slices: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in order along the slice normal, from the foot end.

    Attributes:
        slices: by index z; None where a slice is missing or cannot be used. Empty for NIfTI.
        grid: where the voxels are. Of a stack that is not a volume, only the pixel spacing can be relied on.
    """

    slices: tuple[SliceHeader | None, ...]
    grid: Grid

    @property
    def gaps(self) -> tuple[int, ...]:
        """Indices z without an image."""
        return tuple(z for z, header in enumerate(self.slices) if header is None)


@dataclass(frozen=True, eq=False)
class SeriesReport:
    """What `check` says about a series.

    Attributes:
        stack: None where nothing can be shown.
    """

    findings: tuple[Finding, ...]
    stack: Stack | None

    @property
    def outcome(self) -> Outcome:
        """The worst of the findings."""
        return max((finding.outcome for finding in self.findings), default=Outcome.OPENS)

    @property
    def is_volume(self) -> bool:
        """Whether lengths, angles and HU can be relied on, and a method may be run."""
        return self.outcome <= Outcome.WARNS

    @property
    def reason(self) -> str:
        """Why measuring and MAR are refused; empty where they are not."""
        return "" if self.is_volume else max(self.findings, key=lambda finding: finding.outcome).sentence

    @property
    def is_damaged(self) -> bool:
        """Whether something of it cannot be read."""
        return any(finding.kind is Kind.DAMAGED for finding in self.findings)

    @property
    def question(self) -> str:
        """What to ask before MAR goes over a gap; empty where nothing is to be asked."""
        has_gap = bool(self.stack is not None and self.stack.gaps) or self.is_damaged
        about = {Kind.MISSING_SLICE, Kind.DAMAGED, Kind.SAME_POSITION, Kind.SAME_UID}
        sentences = [finding.sentence for finding in self.findings if finding.kind in about]
        return " ".join([*sentences, "Correct the slices that are there?"]) if has_gap else ""
