"""Forward projection by Joseph's method and its exact transpose, for many slices at once on the CPU.

Slices lie innermost: a packed image is `[y, x, slice]` with an empty border, a packed sinogram `[view, bin, slice]`, both
flat. A ray's weights are then worked out once for all slices.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.projection.compiling import kernel, share
from marview.projection.rays import PAD, Rays
from marview.projection.simd import load, multiply_add, store, zeros_like

VIEWS = 16  # of a tile: its rays are taken band by band while the band is still in the cache
BAND = 16  # rows or columns


@cache
def _project(lanes: int) -> Any:
    @kernel
    def project(image, sinogram, by_column, place, slope, length, first, last, steps, width, ray_from, ray_to):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        row = np.uint64((width + 2 * PAD) * lanes)
        column = np.uint64(lanes)
        for band in range(0, steps, BAND):
            for ray in range(ray_from, ray_to):
                start, stop = max(first[ray], band), min(last[ray], band + BAND)
                if start >= stop:
                    continue
                along, aside = (column, row) if by_column[ray] else (row, column)
                where = place[ray] + PAD
                total = zeros_like(load(sinogram, np.uint64(0), lanes))
                for step in range(start, stop):
                    at = where + slope[ray] * place.dtype.type(step)
                    low = np.uint64(at)
                    part = at - place.dtype.type(low)
                    offset = np.uint64(step + PAD) * along + low * aside
                    total = multiply_add(load(image, offset, lanes), 1 - part, total)
                    total = multiply_add(load(image, offset + aside, lanes), part, total)
                target = np.uint64(ray) * np.uint64(lanes)
                store(sinogram, target, multiply_add(total, length[ray], load(sinogram, target, lanes)))

    return project


@cache
def _spread(lanes: int) -> Any:
    @kernel
    def spread(image, sinogram, by_column, place, slope, length, first, last, width, band, columns):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        row = np.uint64((width + 2 * PAD) * lanes)
        column = np.uint64(lanes)
        along, aside = (column, row) if columns else (row, column)
        for ray in range(len(place)):
            start, stop = max(first[ray], band), min(last[ray], band + BAND)
            if start >= stop or by_column[ray] != columns:
                continue
            where = place[ray] + PAD
            value = load(sinogram, np.uint64(ray) * np.uint64(lanes), lanes)
            for step in range(start, stop):
                at = where + slope[ray] * place.dtype.type(step)
                low = np.uint64(at)
                part = (at - place.dtype.type(low)) * length[ray]
                offset = np.uint64(step + PAD) * along + low * aside
                store(image, offset, multiply_add(value, length[ray] - part, load(image, offset, lanes)))
                offset += aside
                store(image, offset, multiply_add(value, part, load(image, offset, lanes)))

    return spread


def project(plan: Rays, image: NDArray[Any], shape: tuple[int, int], views: int, lanes: int) -> NDArray[Any]:
    """Line integrals, packed, of a packed image with an empty border."""
    sinogram = np.zeros(len(plan.place) * lanes, image.dtype)
    bins = len(plan.place) // views

    def tile(view: int) -> None:
        _project(lanes)(
            image, sinogram, plan.by_column, plan.place, plan.slope, plan.length, plan.first, plan.last,
            max(shape), shape[1], view * bins, min(view + VIEWS, views) * bins,
        )  # fmt: skip

    share(tile, range(0, views, VIEWS))
    return sinogram


def spread(plan: Rays, sinogram: NDArray[Any], shape: tuple[int, int], lanes: int) -> NDArray[Any]:
    """The transpose of `project`: every ray's value laid along it, into a packed image."""
    image = np.zeros((shape[0] + 2 * PAD) * (shape[1] + 2 * PAD) * lanes, sinogram.dtype)
    for columns in (False, True):  # a band of rows and one of columns overlap: one kind after the other

        def band(start: int, columns: bool = columns) -> None:  # noqa: FBT001
            _spread(lanes)(
                image, sinogram, plan.by_column, plan.place, plan.slope, plan.length, plan.first, plan.last,
                shape[1], start, columns,
            )  # fmt: skip

        share(band, range(0, shape[columns], BAND))
    return image
