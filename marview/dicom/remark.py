"""Remarks on the pixels of a slice, made during decoding, and the resulting findings."""

import enum
from collections.abc import Mapping, Sequence

from marview.dicom.report import Finding, Kind
from marview.text import listing, translatable


class Remark(enum.IntFlag):
    """Remarks on the pixels of one slice."""

    NONE = 0
    CLIPPED = enum.auto()
    """HU exceed int16."""
    PADDED = enum.auto()
    """Part of the slice is padding with a value other than air."""
    STRAY_PADDING = enum.auto()
    """The padding value also occurs inside the image, where it is an ordinary value."""
    HIGH_BIT = enum.auto()
    """High Bit contradicts Bits Stored."""
    SPARE_BITS = enum.auto()
    """Values use more bits than Bits Stored says."""
    DROPPED_BITS = enum.auto()
    """Bits above Bits Stored were dropped as an overlay that the file does not declare."""
    SIGN = enum.auto()
    """The compressed stream contradicts Pixel Representation."""


_FINDINGS: Mapping[Remark, tuple[Kind, str]] = {
    Remark.CLIPPED: (
        Kind.CLIPPED,
        translatable(
            "Values of {} outside -32768 to 32767 HU are clipped to that range for display and correction. DICOM "
            "exports keep the original values; NIfTI and PNG exports contain the clipped values."
        ),
    ),
    Remark.STRAY_PADDING: (
        Kind.PADDING,
        translatable(
            "The padding value of {} also occurs inside the image. Only the padding that reaches the border of the "
            "image is treated as padding; the rest keeps its HU."
        ),
    ),
    Remark.HIGH_BIT: (
        Kind.BITS,
        translatable(
            "High Bit and Bits Stored in {} are inconsistent; marview inferred the bit range from the pixel values. "
            "Check "
            "the HU of air and fat."
        ),
    ),
    Remark.SPARE_BITS: (
        Kind.BITS,
        translatable(
            "The pixels of {} use more bits than the attribute Bits Stored allows, so marview read all bits. "
            "Check the HU of metal and bone."
        ),
    ),
    Remark.DROPPED_BITS: (
        Kind.BITS,
        translatable(
            "The pixels of {} have bits set above Bits Stored. marview ignored these bits, because they look like an "
            "overlay on the image. If metal is missing from the image, export the series again."
        ),
    ),
    Remark.SIGN: (
        Kind.BITS,
        translatable(
            "Pixel Representation and the compressed images of {} disagree on whether values are signed; marview "
            "followed Pixel Representation. Check the HU of air and metal."
        ),
    ),
}


def findings_of(remarks: Mapping[int, Remark], names: Mapping[int, str]) -> list[Finding]:
    """Return one finding per remark, covering all slices with this remark.

    Args:
        remarks: remarks by index z.
        names: file names by index z.
    """
    findings = []
    for remark, (kind, sentence) in _FINDINGS.items():
        slices: Sequence[int] = sorted(z for z, made in remarks.items() if remark in made)
        if slices:
            findings.append(Finding(kind, sentence.format(listing(names[z] for z in slices)), slices=tuple(slices)))
    return findings
