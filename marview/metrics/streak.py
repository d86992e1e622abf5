"""Measure streaks, with and without a ground truth."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.metrics.ranges import Image
from marview.metrics.region import far_from, ring
from marview.volume.checked_mask import checked_mask

_FEWEST_PX = 30


def streak_amplitude_hu(result_hu: Image, truth_hu: Image, region: NDArray[Any]) -> float:
    """Return the mean of the highest 5 % minus the mean of the lowest 5 % of the errors in a region, in HU.

    This is the fourth measure of the AAPM CT-MAR challenge (Haneda et al. 2025, doi 10.1002/mp.70050). The
    regions of the challenge cross the strongest streaks of each case; marview uses the ring around metal
    instead.

    Args:
        result_hu: corrected image, HU, `[y, x]`.
        truth_hu: ground truth, HU, `[y, x]`.
        region: pixels to measure, bool, `[y, x]`; an empty region gives NaN.

    Examples:
        >>> error = np.arange(100.0).reshape(10, 10)
        >>> streak_amplitude_hu(error, np.zeros((10, 10)), np.ones((10, 10), bool))  # 97 - 2
        95.0
    """
    region = checked_mask(region)
    errors = np.sort(np.subtract(result_hu[region], truth_hu[region], dtype=np.float64))
    if not errors.size:
        return math.nan
    tail = max(1, round(0.05 * errors.size))
    return float(errors[-tail:].mean() - errors[:tail].mean())


def streak_index(hu: Image, metal: NDArray[Any], soft_tissue: NDArray[Any]) -> float:
    """Return the standard deviation of soft tissue near metal, divided by the standard deviation far from metal.

    "Near" means the 20-pixel ring around the metal, and "far" means more than 40 pixels away. Clinical
    studies use this ratio with one region near the implant and one region without artifacts. The ratio is
    about 1 without streaks. It needs no ground truth, only a mask of soft tissue.

    Args:
        hu: image, HU, `[y, x]`.
        metal: metal mask, bool, `[y, x]`.
        soft_tissue: mask of soft tissue, bool, `[y, x]`, from an image without artifacts, because streaks
            shift tissue out of its HU range. For a real scan, use a region drawn by hand, or soft tissue of
            the best corrected image.

    Returns:
        The ratio; NaN if fewer than 30 pixels of soft tissue are near or far, or if all far pixels are
        equal.
    """
    soft_tissue = checked_mask(soft_tissue)
    near, far = hu[ring(metal) & soft_tissue], hu[far_from(metal) & soft_tissue]
    if min(near.size, far.size) < _FEWEST_PX:
        return math.nan
    deviation_far = float(np.std(far, dtype=np.float64))
    return float(np.std(near, dtype=np.float64)) / deviation_far if deviation_far > 0 else math.nan
