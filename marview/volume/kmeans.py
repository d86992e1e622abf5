"""Segment metal as the densest class of a k-means clustering of HU."""

import math

import numpy as np
from numpy.typing import NDArray

from marview.errors import UsageError
from marview.text import tr
from marview.volume.growing import LEAST_METAL_HU

_LARGEST_K = 12
_BINS = 1024


def k_means(hu: NDArray[np.int16], k: int = 4, *, in_slices: bool = False) -> NDArray[np.bool_]:
    """Cluster the HU by one-dimensional k-means, and return the densest of the k classes.

    In one dimension, the classes are intervals of the histogram, so dynamic programming finds the global
    optimum without random numbers (Wang and Song 2011, Ckmeans.1d.dp). In a series without metal, the
    densest class is bone.

    Args:
        hu: HU, `[z, y, x]`.
        k: number of classes, 2 to 12.
        in_slices: whether to cluster each slice separately.

    Returns:
        bool, `[z, y, x]`.

    Raises:
        UsageError: k is out of range.

    Examples:
        >>> hu = np.array([[[-1000, 0, 50, 900, 1000, 8000]]], np.int16)
        >>> int(k_means(hu, 3).sum())
        1
    """
    if not 2 <= k <= _LARGEST_K:
        raise UsageError(f"k-means needs 2 to {_LARGEST_K} classes, not {k}.")
    if in_slices:
        return np.stack([image > _threshold(image, k) for image in hu])
    return np.asarray(hu > _threshold(hu, k))


def class_notes(hu: NDArray[np.int16], mask: NDArray[np.bool_], k: int) -> tuple[str, ...]:
    """Return a note if the densest of k classes, `mask` `[z, y, x]`, is so wide that it includes bone."""
    if not mask.any() or (begins_hu := int(hu[mask].min())) >= LEAST_METAL_HU:
        return ()
    sentence = tr("The densest of {} classes starts at {} HU, so it includes bone. Use more classes.")
    return (sentence.format(k, begins_hu),)


def _threshold(hu: NDArray[np.int16], k: int) -> float:
    """Return the lowest HU of the densest class minus one half."""
    lowest, highest = int(hu.min()), int(hu.max())
    step = max(1, math.ceil((highest - lowest + 1) / _BINS))
    counts = np.bincount((hu.ravel().astype(np.int64) - lowest) // step).astype(np.float64)
    middles = lowest + (np.arange(len(counts)) + 0.5) * step
    # Cumulative moments, so that the squared deviation of any range of bins is a difference of two entries.
    weight, first, second = (np.concatenate([[0], np.cumsum(counts * middles**power)]) for power in range(3))
    runs = weight[None] - weight[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        cost = second[None] - second[:, None] - (first[None] - first[:, None]) ** 2 / runs
    cost = np.where(runs > 0, np.maximum(cost, 0), np.where(np.tri(len(weight), dtype=bool).T, 0, np.inf))
    best, start = cost[0], np.zeros(len(weight), np.int64)
    for _ in range(1, k):
        totals = best[:, None] + cost
        start = totals.argmin(axis=0)
        best = totals.min(axis=0)
    begins = int(start[-1])
    if begins == 0:  # all values are equal, so there are no separate classes
        return float(highest)
    return lowest + begins * step - 0.5
