"""Metal as the densest of k classes of HU."""

import numpy as np
from numpy.typing import NDArray

from marview.errors import UsageError

_LARGEST_K = 12


def k_means(hu: NDArray[np.int16], k: int = 4, *, in_slices: bool = False) -> NDArray[np.bool_]:
    """The densest of k classes of a one-dimensional k-means of HU.

    The centres start evenly spread from the lowest to the highest HU and move until they rest, which is exact on the
    histogram and gives the same answer every time. It always finds a densest class: on a series without metal that is
    bone.

    Args:
        hu: HU, `[z, y, x]`.
        k: number of classes, 2 to 12.
        in_slices: classes of each slice by itself.

    Returns:
        bool, `[z, y, x]`.

    Raises:
        UsageError: k is out of range.

    Example:
        >>> hu = np.array([[[-1000, 0, 50, 900, 1000, 8000]]], np.int16)
        >>> int(k_means(hu, 3).sum())
        1
    """
    if not 2 <= k <= _LARGEST_K:
        raise UsageError(f"k-means takes 2 to {_LARGEST_K} classes, not {k}.")
    if in_slices:
        return np.stack([image > _threshold(image, k) for image in hu])
    return np.asarray(hu > _threshold(hu, k))


def _threshold(hu: NDArray[np.int16], k: int) -> float:
    """HU midway between the densest class and the one before it."""
    lowest = int(hu.min())
    counts = np.bincount(hu.ravel().astype(np.int64) - lowest)
    values = np.flatnonzero(counts) + lowest
    weights = counts[values - lowest].astype(np.float64)
    centres = np.linspace(values[0], values[-1], k)
    for _ in range(300):
        members = np.searchsorted((centres[:-1] + centres[1:]) / 2, values)
        totals = np.bincount(members, weights, minlength=k)
        sums = np.bincount(members, weights * values, minlength=k)
        moved = np.where(totals > 0, sums / np.maximum(totals, 1), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return float((centres[-2] + centres[-1]) / 2)
