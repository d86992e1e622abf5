"""Project slice pixels along parallel rays in NumPy, because the segmentation process has no projector."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_ROOM = 20
"""Number of bins outside the slice, for rays beside metal in a corner."""

Bins = tuple[NDArray[np.int32], NDArray[np.float32]]


def angles(count: int) -> NDArray[np.float64]:
    """Return evenly spaced angles over half a turn, in radians."""
    return np.arange(count) * np.pi / count


def width(shape: tuple[int, ...]) -> int:
    """Return the number of bins per view for a slice of shape (rows, columns); a bin is one pixel wide."""
    return int(np.hypot(shape[0], shape[1])) + _ROOM


def bins(y: NDArray[np.int64], x: NDArray[np.int64], shape: tuple[int, ...], count: int) -> Iterator[Bins]:
    """Yield, for each angle, the lower of the two nearest bins of each pixel and the weight of the upper bin.

    Args:
        y: rows of the pixels.
        x: columns of the pixels.
        shape: rows and columns of the slice.
        count: number of angles.
    """
    down = (y - (shape[0] - 1) / 2).astype(np.float32)
    across = (x - (shape[1] - 1) / 2).astype(np.float32)
    middle = np.float32(width(shape) / 2)
    for angle in angles(count):
        places = across * np.float32(np.cos(angle)) + down * np.float32(np.sin(angle)) + middle
        left = places.astype(np.int32)
        yield left, places - left


def integrals(
    values: NDArray[np.float32], y: NDArray[np.int64], x: NDArray[np.int64], shape: tuple[int, ...], count: int
) -> NDArray[np.float32]:
    """Return ray sums of pixel values, `[angle, bin]`; the other arguments are the same as for `bins`."""
    return np.stack([_view(values, each, width(shape)) for each in bins(y, x, shape, count)])


class PixelRays:
    """Rays through selected pixels of a slice, stored for repeated use.

    Args:
        y: rows of the pixels.
        x: columns of the pixels.
        shape: rows and columns of the slice.
        count: number of angles.
    """

    def __init__(self, y: NDArray[np.int64], x: NDArray[np.int64], shape: tuple[int, ...], count: int) -> None:
        self._width, self._bins = width(shape), list(bins(y, x, shape, count))

    def integrals(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ray sums, `[angle, bin]`, of pixel values `[pixel]`."""
        return np.stack([_view(values, each, self._width) for each in self._bins])

    def reconstruct(self, projections: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the filtered backprojection of projections `[angle, bin]` at the pixels, `[pixel]`."""
        total = np.zeros(len(self._bins[0][0]), np.float32)
        for view, (left, weights) in zip(_filtered(projections), self._bins, strict=True):
            total += view[left] * (1 - weights) + view[left + 1] * weights
        return total * np.float32(np.pi / len(self._bins))


def _view(values: NDArray[np.float32], each: Bins, count: int) -> NDArray[np.float32]:
    left, weights = each
    second = values * weights
    both = np.bincount(left, values - second, count) + np.bincount(left + 1, second, count)
    return both.astype(np.float32)


def _filtered(projections: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply the ramp filter of Ramachandran and Lakshminarayanan (1971) to projections, `[angle, bin]`."""
    count = projections.shape[1]
    size = 1 << (2 * count - 1).bit_length()
    kernel = np.zeros(size)
    odd = np.arange(1, count, 2)
    kernel[0], kernel[odd], kernel[-odd] = 0.25, -1 / (np.pi * odd) ** 2, -1 / (np.pi * odd) ** 2
    spectrum = np.fft.rfft(projections, size, axis=1) * np.fft.rfft(kernel)
    return np.fft.irfft(spectrum, size, axis=1)[:, :count].astype(np.float32)
