"""Compute structural similarity exactly as in ssim.m, the original program by Wang et al."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, uniform_filter

from marview.errors import UsageError

_RADIUS_PX, _SIGMA_PX = 5, 1.5
_K1, _K2 = 0.01, 0.03

Picture = NDArray[np.float64]
Region = NDArray[np.bool_]


def ssim(first: Picture, second: Picture) -> float:
    """Return the mean structural similarity of two images with values in [0, 1], `[y, x]`, at least 11 x 11 pixels.

    This is the index of Wang et al., IEEE TIP 13 (2004) 600, as computed by their program ssim.m. The
    images are first reduced to about 256 pixels by averaging f x f boxes, with f = round(min(height, width)
    / 256), which is 2 at 416 and 512 pixels; scikit-image and the code of most papers omit this step. The
    index is then computed in 11 x 11 Gaussian windows (sigma 1.5, K = (0.01, 0.03), peak 1) that lie inside
    the image.

    Raises:
        UsageError: the images are too small.
    """
    return ssim_in(first, second, [None])[0]


def ssim_in(first: Picture, second: Picture, regions: Sequence[Region | None]) -> list[float]:
    """Return the mean structural similarity over the windows centred in each region; NaN if there are none.

    Each region is a mask, bool `[y, x]`, or None for the whole image.
    """
    index, factor = _ssim_map(first, second)
    inside = slice(_RADIUS_PX, -_RADIUS_PX)
    means = []
    for region in regions:
        values = index if region is None else index[region[::factor, ::factor][inside, inside]]
        means.append(float(values.mean()) if values.size else math.nan)
    return means


def _ssim_map(first: Picture, second: Picture) -> tuple[Picture, int]:
    factor = max(1, math.floor(min(first.shape) / 256 + 0.5))
    a, b = _shrink(first, factor), _shrink(second, factor)
    if min(a.shape) < 2 * _RADIUS_PX + 1:
        height, width = first.shape
        raise UsageError(f"SSIM needs slices of at least 11 x 11 pixels, not {height} x {width}.")
    mean_a, mean_b = _blur(a), _blur(b)
    variance_a = _blur(a * a) - mean_a * mean_a
    variance_b = _blur(b * b) - mean_b * mean_b
    covariance = _blur(a * b) - mean_a * mean_b
    c1, c2 = _K1**2, _K2**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1)
    structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
    return luminance * structure, factor


def _shrink(image: Picture, factor: int) -> Picture:
    if factor == 1:
        return image
    # MATLAB's imfilter centres an even box before the half pixel, scipy after it: origin -1 corrects this
    box_mean = uniform_filter(image, size=factor, mode="reflect", origin=-1 if factor % 2 == 0 else 0)
    return np.ascontiguousarray(box_mean[::factor, ::factor])


def _blur(image: Picture) -> Picture:
    offsets = np.arange(-_RADIUS_PX, _RADIUS_PX + 1)
    weights = np.exp(-(offsets**2) / (2 * _SIGMA_PX**2))
    weights /= weights.sum()
    inside = slice(_RADIUS_PX, -_RADIUS_PX)
    down = correlate1d(image, weights, axis=0)[inside]
    return np.asarray(correlate1d(down, weights, axis=1)[:, inside])
