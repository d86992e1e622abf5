"""Boxes of voxels, such as the extent of a mask or a stroke."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice, slice]
"""Python slices along (z, y, x) with explicit starts and stops, which index an array `[z, y, x]`."""


def box_of(mask: NDArray[np.bool_]) -> Box | None:
    """Return the bounding box of the True voxels of a mask, `[z, y, x]`; None if the mask is empty.

    Examples:
        >>> mask = np.zeros((3, 4, 5), bool)
        >>> mask[1, 2, 3] = True
        >>> box_of(mask)
        (slice(1, 2, None), slice(2, 3, None), slice(3, 4, None))
    """
    has_metal = np.asarray(mask.any(axis=2))
    slices = _used(np.asarray(has_metal.any(axis=1)))
    if slices is None:
        return None
    rows = _used(np.asarray(has_metal[slices].any(axis=0)))
    columns = _used(np.asarray(mask[slices, rows].any(axis=(0, 1))))
    assert rows is not None
    assert columns is not None
    return slices, rows, columns


def box_above(values: NDArray[np.int16], least: float) -> Box | None:
    """Return the bounding box of the voxels, `[z, y, x]`, at or above `least`; None if there are none.

    The volume is processed slice by slice, because a full mask would need half as much memory as the volume
    itself.

    Examples:
        >>> values = np.zeros((3, 4, 5), np.int16)
        >>> values[1, 2, 3] = 7
        >>> box_above(values, 7)
        (slice(1, 2, None), slice(2, 3, None), slice(3, 4, None))
    """
    slices, rows, columns = (np.zeros(size, bool) for size in values.shape)
    for z, plane in enumerate(values):
        if plane.max() >= least:
            reaches = plane >= least
            slices[z] = True
            rows |= reaches.any(axis=1)
            columns |= reaches.any(axis=0)
    used = _used(slices), _used(rows), _used(columns)
    return None if used[0] is None or used[1] is None or used[2] is None else (used[0], used[1], used[2])


def grown(box: Box, room: Sequence[int], shape: Sequence[int]) -> Box:
    """Return a box grown by `room` voxels on each side along (z, y, x), clipped to the array shape."""
    first, second, third = (
        slice(max(0, part.start - more), min(size, part.stop + more))
        for part, more, size in zip(box, room, shape, strict=True)
    )
    return first, second, third


def around(first: Box, second: Box) -> Box:
    """Return the smallest box that contains both boxes."""
    z, y, x = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(first, second, strict=True))
    return z, y, x


def inside(box: Box, outer: Box) -> Box:
    """Convert a box of the whole array to an index into the subarray `outer`."""
    z, y, x = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(box, outer, strict=True))
    return z, y, x


def moved(box: Box, outer: Box) -> Box:
    """Convert an index into the subarray `outer` to a box of the whole array; the inverse of `inside`."""
    z, y, x = (slice(a.start + b.start, a.stop + b.start) for a, b in zip(box, outer, strict=True))
    return z, y, x


def shape_of(box: Box) -> tuple[int, int, int]:
    """Return the size of a box in voxels along (z, y, x)."""
    return box[0].stop - box[0].start, box[1].stop - box[1].start, box[2].stop - box[2].start


def _used(is_used: NDArray[np.bool_]) -> slice | None:
    used = np.flatnonzero(is_used)
    return slice(int(used[0]), int(used[-1]) + 1) if used.size else None
