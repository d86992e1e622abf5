"""Compute errors of a corrected slice: RMSE, PSNR and CT number bias."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.metrics.ranges import PRIMARY, HuRange, Image
from marview.volume.checked_mask import checked_mask

Region = NDArray[Any]
"""Mask of the pixels to measure, bool, of the image's shape."""


def psnr_db(mean_squared_error: float, peak: float = 1.0) -> float:
    """Return the peak signal-to-noise ratio in dB, 10 log10(peak^2 / MSE); infinite if the error is zero."""
    if mean_squared_error == 0:
        return math.inf
    return 10 * math.log10(peak**2 / mean_squared_error)


def rmse_hu(result_hu: Image, truth_hu: Image, region: Region, hu_range: HuRange = PRIMARY) -> float:
    """Clip both images to an HU range, and return the root mean square error in HU over a region.

    For the range -1000 to 1604 HU and the pixels outside metal, this is the RMSE of the deep sinogram completion paper
    (Yu 2021), as far as the paper defines it.

    Args:
        result_hu: corrected image, HU, `[y, x]`.
        truth_hu: ground truth, HU, `[y, x]`.
        region: pixels to compare, bool, `[y, x]`; an empty region gives NaN.
        hu_range: HU range for clipping.

    Examples:
        >>> rmse_hu(np.array([[30.0, 30.0, 30.0, -30.0]]), np.zeros((1, 4)), np.ones((1, 4), bool))
        30.0
    """
    region = checked_mask(region)
    if not region.any():
        return math.nan
    difference = hu_range.clip(result_hu[region]) - hu_range.clip(truth_hu[region])
    return math.sqrt(np.mean(difference**2))


def ct_number_bias_hu(result_hu: Image, truth_hu: Image, region: Region) -> float:
    """Return the mean of result minus ground truth over a region, in HU; positive if the result is too bright.

    A shift of all HU values causes errors in density measurements and dose calculations. Bright and dark
    streaks cancel in the mean, so the bias measures only this shift. Images are in HU, `[y, x]`. An empty
    region gives NaN.
    """
    region = checked_mask(region)
    if not region.any():
        return math.nan
    return float(np.mean(np.subtract(result_hu[region], truth_hu[region], dtype=np.float64)))
