"""Forward projection by Joseph's method, and its exact transpose, for several slices at once on the CPU.

Slices are the innermost axis: a packed image is `[y, x, slice]` with an empty border, and a packed sinogram is `[view,
bin, slice]`; both arrays are flat and have `lanes` slices. The weights of a ray are computed once for all slices. The
rays of neighbouring views are processed together, tile by tile, while the tile is in the first-level cache.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.projection.compiling import kernel, share
from marview.projection.rays import PAD, Rays
from marview.projection.scratch import zeros
from marview.projection.simd import load, multiply_add, store, zeros_like

BAND = 16  # steps of a tile
WIDE_BAND = 32  # for `spread`, so that the value of each ray is loaded half as often
ASIDE = 4  # pixels of a tile across the steps
RUNS = 40  # number of neighbouring views that share tiles


@cache
def _project(lanes: int) -> Any:
    @kernel
    def project(image, sinogram, runs, place, slope, length, first, last, height, width):  # type: ignore[no-untyped-def]
        real = place.dtype.type
        row, column, wide = np.uint64((width + 2 * PAD) * lanes), np.uint64(lanes), np.uint64(lanes)
        cursor = np.empty(len(runs), np.int64)
        most = max(height, width)
        for band in range(0, most, BAND):
            middle = real(band + BAND / 2)
            cursor[:] = runs[:, 0]
            for edge in range(ASIDE, most + ASIDE, ASIDE):
                limit = real(edge) if edge < most else np.inf
                for run in range(len(runs)):
                    along, aside = (column, row) if runs[run, 3] else (row, column)
                    ray, end, towards = cursor[run], runs[run, 1], runs[run, 2]
                    while ray != end and place[ray] + slope[ray] * middle < limit:
                        start, stop = max(first[ray], band), min(last[ray], band + BAND)
                        if start < stop:
                            where, lean = place[ray] + real(PAD), slope[ray]
                            base = np.uint64(start + PAD) * along
                            total = zeros_like(load(sinogram, np.uint64(0), lanes))
                            for step in range(start, stop):
                                at = where + lean * real(step)
                                low = np.uint32(at)
                                part = at - real(low)
                                offset = base + np.uint64(low) * aside
                                total = multiply_add(load(image, offset, lanes), real(1) - part, total)
                                total = multiply_add(load(image, offset + aside, lanes), part, total)
                                base += along
                            target = np.uint64(ray) * wide
                            store(sinogram, target, multiply_add(total, length[ray], load(sinogram, target, lanes)))
                        ray += towards
                    cursor[run] = ray

    return project


@cache
def _spread(lanes: int) -> Any:
    @kernel
    def spread(image, sinogram, runs, place, slope, length, first, last, height, width, band, by_column):  # type: ignore[no-untyped-def]
        real = place.dtype.type
        row, column, wide = np.uint64((width + 2 * PAD) * lanes), np.uint64(lanes), np.uint64(lanes)
        along, aside = (column, row) if by_column else (row, column)
        cursor = runs[:, 0].copy()
        middle = real(band + WIDE_BAND / 2)
        most = height if by_column else width
        for edge in range(ASIDE, most + ASIDE, ASIDE):
            limit = real(edge) if edge < most else np.inf
            for run in range(len(runs)):
                if runs[run, 3] != by_column:
                    continue
                ray, end, towards = cursor[run], runs[run, 1], runs[run, 2]
                while ray != end and place[ray] + slope[ray] * middle < limit:
                    start, stop = max(first[ray], band), min(last[ray], band + WIDE_BAND)
                    if start < stop:
                        where, lean = place[ray] + real(PAD), slope[ray]
                        base = np.uint64(start + PAD) * along
                        value = load(sinogram, np.uint64(ray) * wide, lanes)
                        for step in range(start, stop):
                            at = where + lean * real(step)
                            low = np.uint32(at)
                            part = (at - real(low)) * length[ray]
                            offset = base + np.uint64(low) * aside
                            rest = length[ray] - part
                            store(image, offset, multiply_add(value, rest, load(image, offset, lanes)))
                            offset += aside
                            store(image, offset, multiply_add(value, part, load(image, offset, lanes)))
                            base += along
                    ray += towards
                cursor[run] = ray

    return spread


def project(plan: Rays, image: NDArray[Any], shape: tuple[int, int], lanes: int) -> NDArray[Any]:
    """Compute the packed line integrals of a packed image with an empty border of `PAD` pixels."""
    sinogram = zeros(len(plan.place) * lanes, image.dtype)

    def tile(run: int) -> None:
        runs = plan.runs[run : run + RUNS]
        _project(lanes)(image, sinogram, runs, plan.place, plan.slope, plan.length, plan.first, plan.last, *shape)

    share(tile, range(0, len(plan.runs), RUNS))
    return sinogram


def spread(plan: Rays, sinogram: NDArray[Any], shape: tuple[int, int], lanes: int) -> NDArray[Any]:
    """Apply the transpose of `project`: add each ray's value to a packed image along the ray."""
    image = zeros((shape[0] + 2 * PAD) * (shape[1] + 2 * PAD) * lanes, sinogram.dtype)
    for by_column in (0, 1):  # bands of rows overlap with bands of columns, so they are processed one after the other

        def tile(band: int, by_column: int = by_column) -> None:
            _spread(lanes)(
                image, sinogram, plan.runs, plan.place, plan.slope, plan.length, plan.first, plan.last, *shape,
                band, by_column,
            )  # fmt: skip

        share(tile, range(0, shape[by_column], WIDE_BAND))
    return image
