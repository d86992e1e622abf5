"""Checks from the numbers themselves whether values can be HU and lengths can be mm."""

import numpy as np
from numpy.typing import NDArray

from marview.dicom.pixels import PADDING_HU
from marview.dicom.report import Finding, Kind, Outcome
from marview.geometry import Grid
from marview.text import translatable

ONLY_VIEWED = translatable("It can be viewed, not measured or corrected.")

_SMALLEST_FIELD_MM, _LARGEST_FIELD_MM = 1.0, 3000.0
_MOST_SAMPLES = 2_000_000
_HIGHEST_AIR_HU = -800
_HIGHEST_ATTENUATION = 30
"""Largest range of values in 1/cm; three times the attenuation of steel at CT energies."""


def size_findings(grid: Grid, name: str) -> list[Finding]:
    """Return a finding if no CT scanner has this field of view.

    Args:
        grid: grid of the volume.
        name: name of the file or series.
    """
    field_mm = max(size * mm for size, mm in zip(grid.shape[1:], grid.spacing_mm[1:], strict=True))
    if _SMALLEST_FIELD_MM <= field_mm <= _LARGEST_FIELD_MM:
        return []
    sentence = translatable(
        f"The slices of {name} would be {field_mm:.3g} mm wide, so their unit is not mm. {ONLY_VIEWED}"
    )
    return [Finding(Kind.NO_UNIT, sentence, Outcome.VIEWS)]


def values_findings(hu: NDArray[np.int16], name: str, *, is_padded: bool) -> list[Finding]:
    """Return a finding if the values are not HU but attenuation, labels or grey values with air not at -1000.

    Args:
        hu: values, `[z, y, x]`.
        name: name of the file or series.
        is_padded: whether `PADDING_HU` marks pixels without a value, so that it does not count as air.
    """
    step = max(1, round((hu.size / _MOST_SAMPLES) ** (1 / 3)))
    sample = hu[::step, ::step, ::step]
    sample = sample[sample != PADDING_HU] if is_padded else sample
    if not sample.size:
        return []
    low, high = (float(value) for value in np.percentile(sample, (0.1, 99.9)))
    if low >= -1 and high <= _HIGHEST_ATTENUATION:
        sentence = translatable(
            f"The values of {name} lie between {low:.0f} and {high:.0f}, like attenuation in 1/cm or labels: they are "
            f"not HU. {ONLY_VIEWED}"
        )
        return [Finding(Kind.NOT_HU, sentence, Outcome.VIEWS)]
    if low > _HIGHEST_AIR_HU:
        sentence = translatable(
            f"The lowest values of {name} are about {low:.0f}, but air has -1000 HU: the values may not be HU (for "
            "example grey values of cone-beam CT), or the images contain no air. Thresholds and corrections may be "
            "wrong."
        )
        return [Finding(Kind.NOT_HU, sentence)]
    return []
