"""The correction of a volume, stored only for the slices that it changes."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from marview.heap import empty_in_large_pages

_INT16 = np.iinfo(np.int16)
_BLOCK_PIXELS = 1 << 15


def corrected(hu: NDArray[np.int16], correction_hu: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return `hu + correction_hu`, rounded and clipped to int16.

    Both arrays have the same shape, `[slice, y, x]` or `[y, x]`.

    The window, the files and the tables all use this function, so that their HU are exactly equal.

    >>> corrected(np.array([40, 40, 32767], np.int16), np.array([0, -90.6, 3], np.float32)).tolist()
    [40, -51, 32767]
    """
    rows = empty_in_large_pages(hu.shape, np.int16)
    step = max(1, _BLOCK_PIXELS // max(1, hu[:1].size))
    totals = np.empty((step, *hu.shape[1:]))
    for start in range(0, len(hu), step):  # blocks that fit into the cache are several times faster for large slices
        block = slice(start, start + step)
        total = totals[: len(hu[block])]
        np.add(hu[block], correction_hu[block], out=total, dtype=np.float64)
        np.rint(total, out=total)
        np.clip(total, _INT16.min, _INT16.max, out=total)
        rows[block] = total
    return rows


class Planes(Protocol):
    """Object with one float32 plane `[y, x]` for each slice of a volume, such as an array `[z, y, x]`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of slices, rows and columns."""

    def __getitem__(self, z: int, /) -> Any:
        """Return the plane of a slice, `[y, x]`."""


class CorrectionPlanes:
    """Correction of a volume, stored for some slices and zero in all others.

    Args:
        planes: float32 HU, `[plane, y, x]`, not copied.
        rows: plane index of each changed slice, keyed by slice index z.
        depth: number of slices of the volume.
    """

    def __init__(self, planes: NDArray[np.float32], rows: Mapping[int, int], depth: int) -> None:
        self._planes, self._rows = planes, dict(rows)
        self._nothing = np.zeros(planes.shape[1:], np.float32)
        self._nothing.setflags(write=False)
        self.shape: tuple[int, ...] = (depth, *planes.shape[1:])

    @classmethod
    def of(cls, planes: NDArray[np.float32], slices: Sequence[int], depth: int) -> "CorrectionPlanes":
        """Create a correction from planes in the same order as `slices`."""
        return cls(planes, {z: row for row, z in enumerate(slices)}, depth)

    def __getitem__(self, z: int) -> NDArray[np.float32]:
        """Return the correction of a slice, float32 HU `[y, x]`."""
        if not 0 <= z < self.shape[0]:
            raise IndexError(f"there is no slice {z} of {self.shape[0]}")
        return self._planes[self._rows[z]] if z in self._rows else self._nothing
