"""Convert between PyTorch's layout `[slice, row, column]` and the kernels' layout `[row, column, slice]`.

A packed array is flat, and has an empty border if the kernel needs one. It has `lanes` slices; those that the
original array lacks are 0.
"""

from typing import Any

from numpy.typing import NDArray

from marview.projection.compiling import kernel, share
from marview.projection.scratch import empty
from marview.projection.simd import LOADED, STORED, transpose

BLOCK = 8  # edge of the square that is transposed in registers
STRIP = 4 * BLOCK  # number of columns that stay in the first-level cache while all slices are read
ROWS = 16  # rows per thread


@kernel
def _pack(array, packed, weights, shape, lanes, top, left, row_from, row_to):  # type: ignore[no-untyped-def]
    count, rows, columns = shape
    plane, stride = rows * columns, columns + 2 * left
    turned = count - count % BLOCK if columns >= BLOCK else 0
    for row in range(row_from, row_to):
        line, base = row * columns, (row + top) * stride + left
        packed[(base - left) * lanes : base * lanes] = 0
        packed[(base + columns) * lanes : (base + columns + left) * lanes] = 0
        for strip in range(0, columns, STRIP):
            stop = min(strip + STRIP, columns)
            for one in range(0, turned, BLOCK):
                for column in range(strip, stop, BLOCK):
                    start = min(column, columns - BLOCK)  # the last block overlaps the block before it
                    source, target = one * plane + line + start, (base + start) * lanes + one
                    transpose(array, source, plane, packed, target, lanes, weights, line + start, BLOCK, LOADED)
            for one in range(turned, count):
                for column in range(strip, stop):
                    value = array[one * plane + line + column]
                    packed[(base + column) * lanes + one] = value if weights is None else value * weights[line + column]
            for column in range(strip, stop):
                packed[(base + column) * lanes + count : (base + column + 1) * lanes] = 0


@kernel
def _unpack(packed, array, weights, shape, lanes, top, left, row_from, row_to):  # type: ignore[no-untyped-def]
    count, rows, columns = shape
    plane, stride = rows * columns, columns + 2 * left
    turned = count - count % BLOCK if columns >= BLOCK else 0
    for row in range(row_from, row_to):
        line, base = row * columns, (row + top) * stride + left
        for strip in range(0, columns, STRIP):
            stop = min(strip + STRIP, columns)
            for one in range(0, turned, BLOCK):
                for column in range(strip, stop, BLOCK):
                    start = min(column, columns - BLOCK)
                    source, target = (base + start) * lanes + one, one * plane + line + start
                    transpose(packed, source, lanes, array, target, plane, weights, line + start, BLOCK, STORED)
            for one in range(turned, count):
                for column in range(strip, stop):
                    value = packed[(base + column) * lanes + one]
                    array[one * plane + line + column] = value if weights is None else value * weights[line + column]


def pack(
    array: NDArray[Any], lanes: int, *, border: tuple[int, int] = (0, 0), weights: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Pack an array `[slice, row, column]` with an empty border, multiplied by `weights` `[row, column]` if given."""
    _, rows, columns = array.shape
    stride = columns + 2 * border[1]
    packed = empty((rows + 2 * border[0]) * stride * lanes, array.dtype)
    outside = border[0] * stride * lanes
    packed[:outside] = 0
    packed[len(packed) - outside :] = 0
    flat, factors = array.reshape(-1), None if weights is None else weights.reshape(-1)

    def part(row: int) -> None:
        _pack(flat, packed, factors, array.shape, lanes, *border, row, min(row + ROWS, rows))

    share(part, range(0, rows, ROWS))
    return packed


def unpack(
    packed: NDArray[Any], array: NDArray[Any], lanes: int, *, border: tuple[int, int] = (0, 0),
    weights: NDArray[Any] | None = None,
) -> None:  # fmt: skip
    """Unpack `packed` into a contiguous `array` `[slice, row, column]`, multiplied by `weights` if given."""
    rows = array.shape[1]
    flat, factors = array.reshape(-1), None if weights is None else weights.reshape(-1)

    def part(row: int) -> None:
        _unpack(packed, flat, factors, array.shape, lanes, *border, row, min(row + ROWS, rows))

    share(part, range(0, rows, ROWS))
