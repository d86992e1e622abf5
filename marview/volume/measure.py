"""Measure a slice: profiles, distances, angles, and the HU statistics of regions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.errors import UsageError


@dataclass(frozen=True)
class RegionStatistics:
    """HU statistics of a region.

    Attributes:
        pixels: number of pixels.
        area_mm2: area of the pixels in mm2.
        mean_hu: mean HU.
        deviation_hu: sample standard deviation; NaN for a single pixel.
        lowest_hu: lowest HU.
        highest_hu: highest HU.
    """

    pixels: int
    area_mm2: float
    mean_hu: float
    deviation_hu: float
    lowest_hu: float
    highest_hu: float


@dataclass(frozen=True, eq=False)
class Profile:
    """HU along a line.

    Attributes:
        distance_mm: distance from the start of the line, `[sample]`.
        hu: HU, `[sample]`.
    """

    distance_mm: NDArray[np.float64]
    hu: NDArray[np.float64]


def region_statistics(
    hu: NDArray[np.generic], region: NDArray[np.bool_], spacing_mm: tuple[float, float]
) -> RegionStatistics:
    """Return the HU statistics of a slice `[y, x]` in a region, bool `[y, x]`; `spacing_mm` is (y, x).

    Raises:
        UsageError: the region is empty.
    """
    values = np.asarray(hu[region], np.float64)
    if not values.size:
        raise UsageError("The region contains no pixels. Draw it larger, or inside the slice.")
    return RegionStatistics(
        pixels=values.size,
        area_mm2=values.size * spacing_mm[0] * spacing_mm[1],
        mean_hu=float(values.mean()),
        deviation_hu=float(values.std(ddof=1)) if values.size > 1 else math.nan,
        lowest_hu=float(values.min()),
        highest_hu=float(values.max()),
    )


def histograms(samples: Sequence[NDArray[np.generic]], most_bins: int = 48) -> tuple[NDArray[np.float64], list[Any]]:
    """Compute histograms of several HU samples, `[pixel]`, with shared bins; return bin edges and counts.

    The bin width is the smallest whole number of HU with which at most `most_bins` bins are needed.

    Examples:
        >>> edges, counts = histograms([np.array([0, 1, 1, 3])])
        >>> edges.tolist(), counts[0].tolist()
        ([0.0, 1.0, 2.0, 3.0, 4.0], [1, 2, 0, 1])
    """
    low = min(float(np.floor(sample.min())) for sample in samples)
    high = max(float(np.ceil(sample.max())) for sample in samples)
    width = max(1, math.ceil((high - low + 1) / most_bins))
    edges = np.asarray(low + width * np.arange(math.ceil((high - low + 1) / width) + 1), np.float64)
    return edges, [np.histogram(sample, edges)[0] for sample in samples]


def ellipse(shape: tuple[int, int], middle_yx: Sequence[float], radii_yx: Sequence[float]) -> NDArray[np.bool_]:
    """Return the mask of an ellipse, bool `[y, x]`, from its centre and radii in pixels."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    far = ((y - middle_yx[0]) / radii_yx[0]) ** 2 + ((x - middle_yx[1]) / radii_yx[1]) ** 2
    return np.asarray(far <= 1)


def profile(
    hu: NDArray[np.generic], start_yx: Sequence[float], end_yx: Sequence[float], spacing_mm: tuple[float, float]
) -> Profile:
    """Return the HU along a line in a slice, linearly interpolated, with two samples per pixel.

    Args:
        hu: HU, `[y, x]`.
        start_yx: start of the line in pixel coordinates.
        end_yx: end of the line in pixel coordinates. Outside the slice, the nearest pixel is repeated.
        spacing_mm: distance between pixels along (y, x).
    """
    start, end = np.asarray(start_yx, np.float64), np.asarray(end_yx, np.float64)
    count = max(2, math.ceil(2 * float(np.abs(end - start).max())) + 1)
    share = np.linspace(0, 1, count)
    points = start[:, None] + (end - start)[:, None] * share
    values = ndimage.map_coordinates(np.asarray(hu, np.float64), points, order=1, mode="nearest")
    return Profile(share * distance_mm(start_yx, end_yx, spacing_mm), np.asarray(values))


def distance_mm(start: Sequence[float], end: Sequence[float], spacing_mm: Sequence[float]) -> float:
    """Return the distance in mm between two points in pixel coordinates, (y, x) or (z, y, x).

    The spacing has the same axis order.

    Examples:
        >>> distance_mm((0, 0), (3, 4), (2.0, 2.0))
        10.0
    """
    return math.hypot(*((b - a) * step for a, b, step in zip(start, end, spacing_mm, strict=True)))


def angle_deg(
    first: Sequence[float], corner: Sequence[float], second: Sequence[float], spacing_mm: Sequence[float]
) -> float:
    """Return the angle at `corner` between two other points, 0 to 180 degrees.

    All points are in pixel coordinates.

    Raises:
        UsageError: one of the other points coincides with the corner.

    Examples:
        >>> angle_deg((0, 1), (0, 0), (1, 0), (1.0, 1.0))
        90.0
    """
    arms = [
        np.array([(b - a) * step for a, b, step in zip(corner, end, spacing_mm, strict=True)])
        for end in (first, second)
    ]
    lengths = [float(np.linalg.norm(arm)) for arm in arms]
    if min(lengths) == 0:
        raise UsageError("An angle needs two arms: move the points away from the corner.")
    cosine = float(arms[0] @ arms[1]) / (lengths[0] * lengths[1])
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
