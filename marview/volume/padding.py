"""Find padding, the pixels that a scanner did not reconstruct."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

VACUUM_HU = -1024
"""HU that scanners store for vacuum. Tissue is never darker, but dark streaks may be."""

_ROUNDING = 1e-6


def padding(hu: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Return a bool mask of pixels outside the scanner's field of view in HU slices `[slice, row, column]`.

    Padding has a single value of at most -1024 HU, fills the corners of the slice and extends to the border
    of the slice. Dark streaks inside the body are not padding, even if they are equally dark.

    >>> padding(np.array([[[-2000, -2000, -900], [-2000, 40, -3000], [-950, -3000, 40]]], np.int16))[0].astype(int)
    array([[1, 1, 0],
           [1, 0, 0],
           [0, 0, 0]])
    """
    found = np.zeros(hu.shape, np.bool_)
    for plane, outside in zip(hu, found, strict=True):
        for corner in {int(plane[row, column]) for row in (0, -1) for column in (0, -1)}:
            if corner == VACUUM_HU:
                outside |= _outside_the_hull(plane <= corner)
            elif corner < VACUUM_HU:
                # Lossy compression changes the value slightly, so the limit is halfway to the next one.
                outside |= _from_the_corners(_reaching_the_border(plane <= (corner + VACUUM_HU) / 2))
    return found


def between(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels that lie between marked pixels, both in their row and in their column.

    >>> between(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], bool)).astype(int)
    array([[0, 1, 0],
           [1, 1, 1],
           [0, 1, 0]])
    """
    inside = np.ones_like(pixels)
    for axis in (0, 1):
        before = np.logical_or.accumulate(pixels, axis=axis)
        behind = np.flip(np.logical_or.accumulate(np.flip(pixels, axis), axis=axis), axis)
        inside &= before & behind
    return inside


def _outside_the_hull(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels outside the convex hull of all others.

    If a file ends at -1024 HU, clipped streaks have the same value as the padding, and may extend from the body to the
    border. They are distinguished from padding because the field of view is convex.
    """
    inside = ~pixels
    rows = np.flatnonzero(inside.any(axis=1))
    if not rows.size:
        return pixels
    first, last = inside[rows].argmax(axis=1), pixels.shape[1] - 1 - inside[rows, ::-1].argmax(axis=1)
    every, columns = np.arange(rows[0], rows[-1] + 1), np.arange(pixels.shape[1])
    left, right = _convex(rows, first, every), -_convex(rows, -last, every)
    outside = pixels.copy()
    outside[every] &= (columns < left[:, None] - _ROUNDING) | (columns > right[:, None] + _ROUNDING)
    return outside


def _convex(at: NDArray[np.int64], values: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """Evaluate, at the positions `wanted`, the largest convex function below the `values` at the positions `at`."""
    kept: list[tuple[int, int]] = []
    for x, y in zip(at.tolist(), values.tolist(), strict=True):
        while len(kept) > 1 and _turns_down(kept[-2], kept[-1], (x, y)):
            kept.pop()
        kept.append((x, y))
    places, heights = np.transpose(kept)
    return np.asarray(np.interp(wanted, places, heights), dtype=np.float64)


def _turns_down(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) <= (c[0] - a[0]) * (b[1] - a[1])


def _reaching_the_border(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels connected to the border by a straight line of marked pixels in their row or column."""
    reached = np.zeros_like(pixels)
    for axis in (0, 1):
        there = np.logical_and.accumulate(pixels, axis=axis)
        back = np.flip(np.logical_and.accumulate(np.flip(pixels, axis), axis=axis), axis)
        reached |= there | back
    return reached


def _from_the_corners(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the marked pixels that are connected to a corner."""
    labels, _ = ndimage.label(pixels)
    corners = {int(labels[row, column]) for row in (0, -1) for column in (0, -1)} - {0}
    return np.isin(labels, list(corners))
