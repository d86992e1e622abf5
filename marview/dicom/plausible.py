"""Whether values can be HU and lengths can be mm: what no header says, the numbers show."""

import numpy as np
from numpy.typing import NDArray

from marview.dicom.pixels import PADDING_HU
from marview.dicom.report import Finding, Kind, Outcome
from marview.geometry import Grid

ONLY_VIEWED = "It can be viewed, not measured or corrected."

_SMALLEST_FIELD_MM, _LARGEST_FIELD_MM = 1.0, 3000.0
_MOST_SAMPLES = 2_000_000
_HIGHEST_AIR_HU = -800
_HIGHEST_ATTENUATION = 30
"""Attenuation of steel at CT energies, in 1/cm, is a third of it."""


def size_findings(grid: Grid, name: str) -> list[Finding]:
    """A finding where the field of view is no length a CT scanner has.

    Args:
        grid: where the voxels are.
        name: name of the file or series.
    """
    field_mm = max(size * mm for size, mm in zip(grid.shape[1:], grid.spacing_mm[1:], strict=True))
    if _SMALLEST_FIELD_MM <= field_mm <= _LARGEST_FIELD_MM:
        return []
    sentence = f"The slices of {name} would be {field_mm:.3g} mm wide, so their unit is not mm. {ONLY_VIEWED}"
    return [Finding(Kind.NO_UNIT, sentence, Outcome.VIEWS)]


def values_findings(hu: NDArray[np.int16], name: str, *, is_padded: bool) -> list[Finding]:
    """A finding where values are no HU: attenuation or labels, or grey values in which air is not at -1000.

    Args:
        hu: `[z, y, x]`.
        name: name of the file or series.
        is_padded: whether `PADDING_HU` stands for pixels without a value, so that it is not taken for air.
    """
    step = max(1, round((hu.size / _MOST_SAMPLES) ** (1 / 3)))
    sample = hu[::step, ::step, ::step]
    sample = sample[sample != PADDING_HU] if is_padded else sample
    if not sample.size:
        return []
    low, high = (float(value) for value in np.percentile(sample, (0.1, 99.9)))
    if low >= -1 and high <= _HIGHEST_ATTENUATION:
        sentence = (
            f"The values of {name} lie between {low:.0f} and {high:.0f}, as attenuation in 1/cm or labels do: they are "
            f"no HU. {ONLY_VIEWED}"
        )
        return [Finding(Kind.NOT_HU, sentence, Outcome.VIEWS)]
    if low > _HIGHEST_AIR_HU:
        sentence = (
            f"The lowest values of {name} are about {low:.0f}, and air has -1000 HU: the values may be no HU (grey "
            "values of cone-beam CT, say), or the images hold no air. Thresholds and corrections may be wrong."
        )
        return [Finding(Kind.NOT_HU, sentence)]
    return []
