"""Pixel-driven backprojection for FBP, and its exact transpose, for several slices at once on the CPU.

For each view, a pixel receives the value interpolated between the two nearest bins, multiplied by the distance weight
of the beam. Packed sinograms have an empty bin before and after each view, so that the kernels need no checks at the
edges of the detector.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.projection.compiling import kernel, kernel_part, share
from marview.projection.detector import ENTRIES, PATCH, VIEWS, Detector, locate_patch
from marview.projection.rays import PAD
from marview.projection.scratch import zeros
from marview.projection.simd import load, multiply_add, store

TILE = 32  # edge, in pixels, of the tile of a thread
FEW = 8  # largest number of lanes for which the sums of a pixel and its three rotations fit the registers


@kernel
def _address(row, column, turn, width, lanes):  # type: ignore[no-untyped-def]
    """Return the index of a pixel in a packed image, rotated by `turn` right angles."""
    for _ in range(turn):
        row, column = column, width - 1 - row
    return (np.uint64(row + PAD) * np.uint64(width + 2 * PAD) + np.uint64(column + PAD)) * np.uint64(lanes)


@kernel
def _start(view, turn, quarter, views, line):  # type: ignore[no-untyped-def]
    """Return the start, in a packed sinogram, of the view that sees the rotated image as `view` sees the image."""
    return np.uint64((view + turn * quarter) % views) * line


@kernel_part
def _take(image, sinogram, rows, columns, width, view, count, quarter, views, line, low, table, lanes, turns):  # type: ignore[no-untyped-def]
    """Add `count` views to a patch, one rotation after the other, so that their bins stay in the first-level cache."""
    wide = np.uint64(lanes)
    for turn in range(turns):
        start = _start(view, turn, quarter, views, line)
        entry = 0
        for row in range(rows[0], rows[1]):
            for column in range(columns[0], columns[1]):
                target = _address(row, column, turn, width, lanes)
                total = load(image, target, lanes)
                base = start
                for v in range(np.uint64(entry), np.uint64(entry + count)):
                    offset = base + np.uint64(low[v]) * wide
                    total = multiply_add(load(sinogram, offset, lanes), table[v], total)
                    upper = table[v + np.uint64(ENTRIES)]
                    total = multiply_add(load(sinogram, offset + wide, lanes), upper, total)
                    base += line
                store(image, target, total)
                entry += VIEWS


@kernel_part
def _take_four(image, sinogram, rows, columns, width, view, count, quarter, views, line, low, table, lanes):  # type: ignore[no-untyped-def]
    """Do the same as `_take` for a small number of slices, with all four rotations at once."""
    wide = np.uint64(lanes)
    entry = 0
    for row in range(rows[0], rows[1]):
        for column in range(columns[0], columns[1]):
            at_0, at_1 = _address(row, column, 0, width, lanes), _address(row, column, 1, width, lanes)
            at_2, at_3 = _address(row, column, 2, width, lanes), _address(row, column, 3, width, lanes)
            sum_0, sum_1 = load(image, at_0, lanes), load(image, at_1, lanes)
            sum_2, sum_3 = load(image, at_2, lanes), load(image, at_3, lanes)
            base_0, base_1 = _start(view, 0, quarter, views, line), _start(view, 1, quarter, views, line)
            base_2, base_3 = _start(view, 2, quarter, views, line), _start(view, 3, quarter, views, line)
            for v in range(np.uint64(entry), np.uint64(entry + count)):
                lower, upper = table[v], table[v + np.uint64(ENTRIES)]
                below = np.uint64(low[v]) * wide
                above = below + wide
                sum_0 = multiply_add(load(sinogram, base_0 + below, lanes), lower, sum_0)
                sum_1 = multiply_add(load(sinogram, base_1 + below, lanes), lower, sum_1)
                sum_2 = multiply_add(load(sinogram, base_2 + below, lanes), lower, sum_2)
                sum_3 = multiply_add(load(sinogram, base_3 + below, lanes), lower, sum_3)
                sum_0 = multiply_add(load(sinogram, base_0 + above, lanes), upper, sum_0)
                sum_1 = multiply_add(load(sinogram, base_1 + above, lanes), upper, sum_1)
                sum_2 = multiply_add(load(sinogram, base_2 + above, lanes), upper, sum_2)
                sum_3 = multiply_add(load(sinogram, base_3 + above, lanes), upper, sum_3)
                base_0, base_1, base_2, base_3 = base_0 + line, base_1 + line, base_2 + line, base_3 + line
            store(image, at_0, sum_0)
            store(image, at_1, sum_1)
            store(image, at_2, sum_2)
            store(image, at_3, sum_3)
            entry += VIEWS


@cache
def _gather(lanes: int, turns: int) -> Any:
    has_few = turns == 4 and lanes <= FEW

    @kernel
    def gather(image, sinogram, kind, numbers, cosine, sine, bins, views, quarter, size, region, top, left):  # type: ignore[no-untyped-def]
        low, table = np.empty(ENTRIES, np.int32), np.empty(2 * ENTRIES, numbers.dtype)
        line = np.uint64((bins + 2) * lanes)
        bottom, right = min(top + TILE, region[0]), min(left + TILE, region[1])
        section = views // turns
        for block in range(-(-section // VIEWS) * turns):
            view = block % turns * section + block // turns * VIEWS
            count = min(VIEWS, section - block // turns * VIEWS)
            for row in range(top, bottom, PATCH):
                rows = (row, min(row + PATCH, bottom))
                for column in range(left, right, PATCH):
                    columns = (column, min(column + PATCH, right))
                    locate_patch(kind, numbers, cosine, sine, bins, rows, columns, size, view, low, table)
                    if has_few:
                        _take_four(
                            image, sinogram, rows, columns, size[1], view, count, quarter, views, line, low, table,
                            lanes,
                        )  # fmt: skip
                    else:
                        _take(
                            image, sinogram, rows, columns, size[1], view, count, quarter, views, line, low, table,
                            lanes, turns,
                        )  # fmt: skip

    return gather


@kernel_part
def _lay(image, sinogram, rows, columns, width, start, turn, count, line, low, table, lanes):  # type: ignore[no-untyped-def]
    """Add a patch, rotated by `turn` right angles, to `count` views."""
    wide = np.uint64(lanes)
    entry = 0
    for row in range(rows[0], rows[1]):
        for column in range(columns[0], columns[1]):
            value = load(image, _address(row, column, turn, width, lanes), lanes)
            base = start
            for v in range(np.uint64(entry), np.uint64(entry + count)):
                offset = base + np.uint64(low[v]) * wide
                store(sinogram, offset, multiply_add(value, table[v], load(sinogram, offset, lanes)))
                offset += wide
                upper = table[v + np.uint64(ENTRIES)]
                store(sinogram, offset, multiply_add(value, upper, load(sinogram, offset, lanes)))
                base += line
            entry += VIEWS


@cache
def _scatter(lanes: int, turns: int) -> Any:
    @kernel
    def scatter(image, sinogram, kind, numbers, cosine, sine, bins, views, quarter, size, region, first, count):  # type: ignore[no-untyped-def]
        low, table = np.empty(ENTRIES, np.int32), np.empty(2 * ENTRIES, numbers.dtype)
        line = np.uint64((bins + 2) * lanes)
        for row in range(0, region[0], PATCH):
            rows = (row, min(row + PATCH, region[0]))
            for column in range(0, region[1], PATCH):
                columns = (column, min(column + PATCH, region[1]))
                for section in range(turns):
                    view = first + section * (views // turns)
                    locate_patch(kind, numbers, cosine, sine, bins, rows, columns, size, view, low, table)
                    for turn in range(turns):
                        start = _start(view, turn, quarter, views, line)
                        _lay(image, sinogram, rows, columns, size[1], start, turn, count, line, low, table, lanes)

    return scatter


def gather(seen: Detector, sinogram: NDArray[Any], shape: tuple[int, int], lanes: int) -> NDArray[Any]:
    """Backproject a packed sinogram into a packed image with a border of `PAD` pixels.

    Args:
        seen: description of the beam.
        sinogram: packed sinogram with an empty bin before and after each view.
        shape: rows and columns of the image.
        lanes: number of slices in the packed arrays.
    """
    image = zeros((shape[0] + 2 * PAD) * (shape[1] + 2 * PAD) * lanes, sinogram.dtype)
    turns, region = seen.turns(shape), seen.region(shape)
    across = -(-region[1] // TILE)

    def tile(index: int) -> None:
        _gather(lanes, turns)(
            image, sinogram, seen.kind, seen.numbers, seen.cosine, seen.sine, seen.bins, seen.views, seen.quarter,
            shape, region, index // across * TILE, index % across * TILE,
        )  # fmt: skip

    share(tile, range(across * -(-region[0] // TILE)))
    return image


def scatter(seen: Detector, image: NDArray[Any], shape: tuple[int, int], lanes: int) -> NDArray[Any]:
    """Apply the transpose of `gather`; ignore the values in the empty bins."""
    sinogram = zeros(seen.views * (seen.bins + 2) * lanes, image.dtype)
    turns, region = seen.turns(shape), seen.region(shape)
    section = seen.views // turns

    def views(view: int) -> None:
        _scatter(lanes, turns)(
            image, sinogram, seen.kind, seen.numbers, seen.cosine, seen.sine, seen.bins, seen.views, seen.quarter,
            shape, region, view, min(VIEWS, section - view),
        )  # fmt: skip

    share(views, range(0, section, VIEWS))
    return sinogram
