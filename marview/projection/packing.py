"""Between torch's `[slice, row, column]` and the kernels' `[row, column, slice]`, where slices lie side by side.

A packed array is flat, starts on a cache line, and has empty rows and columns round it where the kernel wants them.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from marview.projection.compiling import kernel, share

STRIP = 16  # columns: a cache line of float32 from every slice
ROWS = 16  # a thread's share


def empty(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """A flat array on a cache line; vectors that straddle two lines load at half the speed."""
    line = 64 // np.dtype(dtype).itemsize
    roomy = np.empty(size + line, dtype)
    skip = -(roomy.ctypes.data // roomy.itemsize) % line
    return roomy[skip : skip + size]


def zeros(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """A flat array of zeros on a cache line."""
    array = empty(size, dtype)
    array[:] = 0
    return array


@kernel
def _pack(array, packed, weights, lanes, top, left, stride, row_from, row_to):  # type: ignore[no-untyped-def]
    count, _, columns = array.shape
    for row in range(row_from, row_to):
        base = (row + top) * stride + left
        for strip in range(0, columns, STRIP):
            stop = min(strip + STRIP, columns)
            for one in range(count):
                for column in range(strip, stop):
                    packed[(base + column) * lanes + one] = array[one, row, column] * weights[row, column]
            for column in range(strip, stop):
                for one in range(count, lanes):
                    packed[(base + column) * lanes + one] = 0


@kernel
def _unpack(packed, array, weights, lanes, top, left, stride, row_from, row_to):  # type: ignore[no-untyped-def]
    count, _, columns = array.shape
    for row in range(row_from, row_to):
        base = (row + top) * stride + left
        for strip in range(0, columns, STRIP):
            stop = min(strip + STRIP, columns)
            for one in range(count):
                for column in range(strip, stop):
                    array[one, row, column] = packed[(base + column) * lanes + one] * weights[row, column]


def pack(
    array: NDArray[Any], lanes: int, *, border: tuple[int, int] = (0, 0), weights: NDArray[Any] | None = None
) -> NDArray[Any]:
    """`[slice, row, column]` times `weights` `[row, column]`, packed, with `border` empty rows and columns around."""
    _, rows, columns = array.shape
    stride = columns + 2 * border[1]
    size = (rows + 2 * border[0]) * stride * lanes
    packed = empty(size, array.dtype) if border == (0, 0) else zeros(size, array.dtype)
    factors = _ones(rows, columns, array.dtype) if weights is None else weights

    def part(row: int) -> None:
        _pack(array, packed, factors, lanes, *border, stride, row, min(row + ROWS, rows))

    share(part, range(0, rows, ROWS))
    return packed


def unpack(
    packed: NDArray[Any], array: NDArray[Any], lanes: int, *, border: tuple[int, int] = (0, 0),
    weights: NDArray[Any] | None = None,
) -> None:  # fmt: skip
    """The inverse of `pack` into `array`, `[slice, row, column]`, again times `weights`."""
    _, rows, columns = array.shape
    stride = columns + 2 * border[1]
    factors = _ones(rows, columns, array.dtype) if weights is None else weights

    def part(row: int) -> None:
        _unpack(packed, array, factors, lanes, *border, stride, row, min(row + ROWS, rows))

    share(part, range(0, rows, ROWS))


def _ones(rows: int, columns: int, dtype: DTypeLike) -> NDArray[Any]:
    return np.broadcast_to(np.ones((), dtype), (rows, columns))
