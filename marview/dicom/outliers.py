"""Find slices of compressed series that look damaged although the decoder reported no error."""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from marview.dicom.report import Finding, Kind

_ODD_HU = 60
_SPREADS = 2
_JUMP = 0.3
_COLUMNS = 128
_MOST_NAMED = 3


def doubtful_row(below: NDArray[np.int16], here: NDArray[np.int16], above: NDArray[np.int16]) -> int | None:
    """Find the row from which a slice no longer resembles its neighbours; None if there is none.

    A pixel is odd if it differs from both neighbours by more than 60 HU and by more than twice their
    difference. Damage in a codestream starts or ends within a row, so the fraction of odd pixels jumps by
    0.3 or more between two rows. Metal, gas and motion change it gradually: by at most 0.20 in measurements
    on real series.

    Args:
        below: HU of the previous slice, `[y, x]`.
        here: HU of the slice to check.
        above: HU of the next slice.
    """
    step = max(1, here.shape[1] // _COLUMNS)
    one, middle, other = (image[:, ::step].astype(np.int32) for image in (below, here, above))
    low, high = np.minimum(one, other), np.maximum(one, other)
    room = _ODD_HU + _SPREADS * (high - low)
    share = ((middle > high + room) | (middle < low - room)).mean(axis=1)
    jumps = np.abs(np.diff(share, prepend=0.0))
    return int(jumps.argmax()) if len(jumps) and jumps.max() >= _JUMP else None


def doubtful_findings(hu: NDArray[np.int16], names: Mapping[int, str], compressed: Collection[int]) -> list[Finding]:
    """Return findings on slices that differ from both neighbours in the way that damaged slices do.

    Args:
        hu: HU, `[z, y, x]`.
        names: file names of the slices read, by index z.
        compressed: z indices of compressed slices.
    """
    found = {}
    for z in sorted(compressed):
        if {z - 1, z, z + 1} <= names.keys():
            row = doubtful_row(hu[z - 1], hu[z], hu[z + 1])
            if row is not None:
                found[z] = row
    findings = [
        Finding(
            Kind.DOUBTFUL,
            f"{names[z]} may be damaged: from row {row} on, its image differs from both neighbours. The decoder "
            "reported no error. Compare the slice with its neighbours, or copy the file again.",
            slices=(z,),
        )
        for z, row in list(found.items())[:_MOST_NAMED]
    ]
    if len(found) > _MOST_NAMED:
        findings.append(Finding(Kind.DOUBTFUL, f"In all, {len(found)} slices may be damaged.", slices=tuple(found)))
    return findings
