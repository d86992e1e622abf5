"""What only the pixels of a slice show: remarks made while it is decoded, and the findings they become."""

import enum
from collections.abc import Mapping, Sequence

from marview.dicom.report import Finding, Kind
from marview.text import listing


class Remark(enum.IntFlag):
    """What was met in one slice."""

    NONE = 0
    CLIPPED = enum.auto()
    """HU beyond int16."""
    PADDED = enum.auto()
    """Part of the slice is padding whose value is not that of air."""
    STRAY_PADDING = enum.auto()
    """The padding value occurs inside the image too, where it is a value like any other."""
    HIGH_BIT = enum.auto()
    """High Bit contradicts Bits Stored."""
    SPARE_BITS = enum.auto()
    """Values use more bits than Bits Stored says."""


_FINDINGS: Mapping[Remark, tuple[Kind, str]] = {
    Remark.CLIPPED: (
        Kind.CLIPPED,
        "Values of {} beyond -32768 to 32767 HU are shown and corrected clipped. An export as DICOM keeps them; NIfTI "
        "and PNG hold the clipped values.",
    ),
    Remark.STRAY_PADDING: (
        Kind.PADDING,
        "The padding value of {} also occurs inside the image. Only the padding that reaches the border of the image "
        "is treated as padding; the rest keeps its HU.",
    ),
    Remark.HIGH_BIT: (
        Kind.BITS,
        "High Bit and Bits Stored of {} contradict each other: the bits that the pixels use were read. Check the HU of "
        "air and fat.",
    ),
    Remark.SPARE_BITS: (
        Kind.BITS,
        "The pixels of {} use more bits than Bits Stored says: all bits were read. Check the HU of metal and bone.",
    ),
}


def findings_of(remarks: Mapping[int, Remark], names: Mapping[int, str]) -> list[Finding]:
    """One finding for each remark, about all slices that have it.

    Args:
        remarks: by index z.
        names: names of the files, by index z.
    """
    findings = []
    for remark, (kind, sentence) in _FINDINGS.items():
        slices: Sequence[int] = sorted(z for z, made in remarks.items() if remark in made)
        if slices:
            findings.append(Finding(kind, sentence.format(listing(names[z] for z in slices)), slices=tuple(slices)))
    return findings
