"""Check whether the values and the size of a volume are plausible in HU and mm."""

import numpy as np
from numpy.typing import NDArray

from marview.dicom.pixels import PADDING_HU
from marview.dicom.report import Finding, Kind, Outcome
from marview.geometry import Grid
from marview.text import translatable

ONLY_VIEWED = translatable("You can view the series, but not measure or correct it.")

_SMALLEST_FIELD_MM, _LARGEST_FIELD_MM = 1.0, 3000.0
_MOST_SAMPLES = 2_000_000
_HIGHEST_AIR_HU, _LOWEST_AIR_HU = -800, -1300
_AIR_HU, _TISSUE_HU = (-1300, -850), (-250, 300)
_FIELD_OF_VIEW = 0.95
"""Radius of the field of view as a fraction of half the image width; corners outside it may contain any value."""
_FEWEST_BELOW, _MOST_STREAKS = 0.001, 0.15
"""Smallest fraction of values below air that is examined, and a fraction larger than that caused by metal streaks."""
_MOSTLY, _LITTLE = 0.9, 0.1
_HIGHEST_ATTENUATION = 30
"""Largest range of values in 1/cm; three times the attenuation of steel at CT energies."""


def size_findings(grid: Grid, name: str) -> list[Finding]:
    """Return a finding if the field of view is impossible for a CT scanner.

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


def values_findings(hu: NDArray[np.int16], name: str, *, is_padded: bool, are_labels: bool = False) -> list[Finding]:
    """Return a finding if values look like attenuation or labels, air is not -1000 HU, or everything is air.

    Corners outside the field of view are ignored.

    Args:
        hu: values, `[z, y, x]`.
        name: name of the file or series.
        is_padded: whether pixels equal to `PADDING_HU` have no value and therefore do not count as air.
        are_labels: whether to report values too small for HU as labels; True if the file stores whole
            numbers.
    """
    sample = _inside(hu)
    sample = sample[sample != PADDING_HU] if is_padded else sample
    if not sample.size:
        return []
    low, high = (float(value) for value in np.percentile(sample, (0.1, 99.9)))
    if low >= -1 and high <= _HIGHEST_ATTENUATION:
        least, most = _extremes(hu, -1, _HIGHEST_ATTENUATION)
        sentence = translatable(
            f"The values of {name} are between {least} and {most}, like attenuation in 1/cm or labels, so they are "
            f"not HU. {ONLY_VIEWED}"
        )
        return [Finding(Kind.LABELS if are_labels else Kind.NOT_HU, sentence, Outcome.VIEWS)]
    if low > _HIGHEST_AIR_HU:
        sentence = translatable(
            f"The lowest values of {name} are about {low:.0f}, but air is -1000 HU. The values may not be HU (for "
            "example grey values of cone-beam CT), or the images contain no air. Thresholds and corrections may be "
            "wrong."
        )
        return [Finding(Kind.NOT_HU, sentence)]
    if low < high < _HIGHEST_AIR_HU:
        sentence = translatable(
            f"The highest values of {name} are about {high:.0f}, like air (-1000 HU). The rescale slope may be wrong, "
            "or the images contain no tissue."
        )
        return [Finding(Kind.NOT_HU, sentence)]
    if _are_shifted(sample):
        sentence = translatable(
            f"Many values of {name} are below air (-1000 HU), down to about {low:.0f}. The values may be shifted or "
            "inverted, for example by a wrong rescale slope or intercept. Thresholds and corrections may be wrong."
        )
        return [Finding(Kind.NOT_HU, sentence)]
    return []


def _inside(hu: NDArray[np.int16]) -> NDArray[np.int16]:
    """Return a sample of the values inside the reconstructed field of view, the ellipse that fits into a slice."""
    step = max(1, round((hu.size / _MOST_SAMPLES) ** (1 / 3)))
    sample = hu[::step, ::step, ::step]
    y, x = (np.linspace(-1, 1, size + 2)[1:-1] for size in sample.shape[1:])
    return np.asarray(sample[:, np.hypot(y[:, None], x) < _FIELD_OF_VIEW])


def _extremes(hu: NDArray[np.int16], low: int, high: int) -> tuple[int, int]:
    """Return the smallest and largest value from `low` to `high`; labels of a few voxels count too."""
    planes = (plane[(plane >= low) & (plane <= high)] for plane in hu)
    ends = [(int(plane.min()), int(plane.max())) for plane in planes if plane.size]
    return min(least for least, _ in ends), max(most for _, most in ends)


def _are_shifted(sample: NDArray[np.int16]) -> bool:
    """Return whether values below air are too many for streaks and are not padding, or no air or tissue is left."""
    below = sample[sample < _LOWEST_AIR_HU]
    if below.size < _FEWEST_BELOW * sample.size:
        return False
    values, numbers = np.unique(below, return_counts=True)
    fill = values[numbers.argmax()]
    if numbers.max() >= _MOSTLY * below.size:
        rest = sample[sample != fill]  # one value is padding, if the rest has air and tissue
        has_air = bool(rest.size) and float(np.percentile(rest, 0.1)) <= _HIGHEST_AIR_HU
        return not has_air or _share(rest, *_TISSUE_HU) < _LITTLE * _share(rest, *_AIR_HU)
    return below.size >= _MOST_STREAKS * sample.size or _share(sample, *_AIR_HU) < _LITTLE * below.size / sample.size


def _share(sample: NDArray[np.int16], low_hu: int, high_hu: int) -> float:
    return float(((sample >= low_hu) & (sample <= high_hu)).mean()) if sample.size else 0.0
