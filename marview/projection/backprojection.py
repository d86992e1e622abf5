"""Pixel-driven backprojection, as FBP needs it, and its exact transpose, for many slices at once on the CPU.

Every pixel takes from each view the value between the two bins its own ray falls between, times the beam's distance
weight. Packed sinograms here have one empty bin before and after every view: no kernel asks whether a bin exists.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.geometry import Beam, FanBeamFlat, ParallelBeam
from marview.projection.compiling import kernel, share
from marview.projection.packing import zeros
from marview.projection.rays import PAD
from marview.projection.simd import clip, load, multiply_add, product, quotient, root, split, spread, store, zeros_like

TILE = 32  # pixels along each edge of a thread's tile: its part of some views is in the second cache
PATCH = 4  # pixels along each edge of what is done at once: its part of some views is in the first cache
VIEWS = 16
ENTRIES = PATCH * PATCH * VIEWS
PARALLEL, FLAT, ARC = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Detector:
    """What the kernels know of a beam.

    Attributes:
        kind: PARALLEL, FLAT or ARC.
        numbers: distance in mm, bins per mm (arc: per radian), bin of the central ray, pixel in mm.
        cosine: of every angle, `[view]`, filled up to whole blocks of `VIEWS`.
        sine: the same.
        views: number of views.
        bins: number of bins.
    """

    kind: int
    numbers: NDArray[Any]
    cosine: NDArray[Any]
    sine: NDArray[Any]
    views: int
    bins: int


@lru_cache(maxsize=16)
def detector(beam: Beam, pixel_mm: float, dtype: str) -> Detector:
    """The beam in numbers of `dtype`; the bin of the central ray counts the empty one before the view."""
    if isinstance(beam, ParallelBeam):
        kind, distance, scale = PARALLEL, 0.0, 1 / beam.bin_mm
    elif isinstance(beam, FanBeamFlat):
        kind, distance = FLAT, beam.source_to_isocentre_mm
        scale = beam.source_to_detector_mm / beam.source_to_isocentre_mm / beam.bin_mm
    else:
        kind, distance, scale = ARC, beam.source_to_isocentre_mm, 1 / beam.bin_rad
    middle = (beam.bins - 1) / 2 - beam.bin_offset + 1
    angles = np.pad(beam.angles_rad, (0, -beam.views % VIEWS))
    numbers = np.array([distance, scale, middle, pixel_mm], dtype)
    return Detector(kind, numbers, np.cos(angles).astype(dtype), np.sin(angles).astype(dtype), beam.views, beam.bins)


@kernel
def _arctan(tangent):  # type: ignore[no-untyped-def]
    """The arc tangent of a vector within [-1, 1], off by 1e-8 at most; a polynomial through Chebyshev's nodes."""
    square = product(tangent, tangent)
    total = spread(0.00276628348, tangent)
    for coefficient in (-0.015731249, 0.0421376235, -0.0745685481, 0.106183706, -0.141977978, 0.19991872, -0.333330367,
                        0.999999982):  # fmt: skip
        total = multiply_add(total, square, spread(coefficient, tangent))
    return product(total, tangent)


@kernel
def _locate(kind, numbers, cosine, sine, bins, x, y, view, low, table, entry):  # type: ignore[no-untyped-def]
    """The bin below a pixel in each of `VIEWS` views, its weight and, `ENTRIES` further on, that of the bin above."""
    real = numbers.dtype.type
    distance, scale, middle, most = numbers[0], numbers[1], numbers[2], real(bins + 1)
    c, s = load(cosine, np.uint64(view), VIEWS), load(sine, np.uint64(view), VIEWS)
    far = spread(distance, c)
    along, depth = multiply_add(c, x, multiply_add(s, y, zeros_like(c))), multiply_add(c, y, multiply_add(s, -x, far))
    if kind == PARALLEL:
        place, weight = along, spread(real(1), c)
    elif kind == FLAT:
        inverse = quotient(far, depth)
        place, weight = product(along, inverse), product(inverse, inverse)
    else:  # by the half of the angle, whose tangent is below 1
        square = multiply_add(along, along, product(depth, depth))
        half = quotient(along, multiply_add(root(square), real(1), depth))
        place, weight = multiply_add(_arctan(half), real(2), zeros_like(c)), quotient(product(far, far), square)
    place = multiply_add(place, scale, spread(middle, c))
    # At the very end the bin above would be the one after the last: there all the weight goes to the upper bin instead.
    upper = product(split(low, np.uint64(entry), clip(place, real(0), most), bins), weight)
    store(table, np.uint64(entry), multiply_add(upper, real(-1), weight))
    store(table, np.uint64(entry + ENTRIES), upper)


@cache
def _gather(lanes: int) -> Any:
    @kernel
    def gather(image, sinogram, kind, numbers, cosine, sine, bins, views, height, width, top, left):  # type: ignore[no-untyped-def]
        real = numbers.dtype.type
        pixel = numbers[3]
        low, table = np.empty(ENTRIES, np.int32), np.empty(2 * ENTRIES, real)
        wide, line = np.uint64(lanes), np.uint64((bins + 2) * lanes)
        for view in range(0, views, VIEWS):
            count = min(VIEWS, views - view)
            for patch in range((TILE // PATCH) ** 2):
                first_row = top + patch // (TILE // PATCH) * PATCH
                first_column = left + patch % (TILE // PATCH) * PATCH
                last_row, last_column = min(first_row + PATCH, height), min(first_column + PATCH, width)
                entry = 0
                for row in range(first_row, last_row):
                    y = (real(row) - real(height - 1) / real(2)) * pixel
                    for column in range(first_column, last_column):
                        x = (real(column) - real(width - 1) / real(2)) * pixel
                        _locate(kind, numbers, cosine, sine, bins, x, y, view, low, table, entry)
                        entry += VIEWS
                entry = 0
                for row in range(first_row, last_row):
                    for column in range(first_column, last_column):
                        target = (np.uint64(row + PAD) * np.uint64(width + 2 * PAD) + np.uint64(column + PAD)) * wide
                        total = load(image, target, lanes)
                        base = np.uint64(view) * line
                        for v in range(np.uint64(entry), np.uint64(entry + count)):
                            lower, upper = table[v], table[v + np.uint64(ENTRIES)]
                            offset = base + np.uint64(low[v]) * wide
                            total = multiply_add(load(sinogram, offset, lanes), lower, total)
                            total = multiply_add(load(sinogram, offset + wide, lanes), upper, total)
                            base += line
                        store(image, target, total)
                        entry += VIEWS

    return gather


@cache
def _scatter(lanes: int) -> Any:
    @kernel
    def scatter(image, sinogram, kind, numbers, cosine, sine, bins, views, height, width, view):  # type: ignore[no-untyped-def]
        real = numbers.dtype.type
        pixel = numbers[3]
        low, table = np.empty(ENTRIES, np.int32), np.empty(2 * ENTRIES, real)
        wide, line = np.uint64(lanes), np.uint64((bins + 2) * lanes)
        count = min(VIEWS, views - view)
        for top in range(0, height, PATCH):
            for left in range(0, width, PATCH):
                bottom, right = min(top + PATCH, height), min(left + PATCH, width)
                entry = 0
                for row in range(top, bottom):
                    y = (real(row) - real(height - 1) / real(2)) * pixel
                    for column in range(left, right):
                        x = (real(column) - real(width - 1) / real(2)) * pixel
                        _locate(kind, numbers, cosine, sine, bins, x, y, view, low, table, entry)
                        entry += VIEWS
                entry = 0
                for row in range(top, bottom):
                    for column in range(left, right):
                        source = (np.uint64(row + PAD) * np.uint64(width + 2 * PAD) + np.uint64(column + PAD)) * wide
                        value = load(image, source, lanes)
                        base = np.uint64(view) * line
                        for v in range(np.uint64(entry), np.uint64(entry + count)):
                            lower, upper = table[v], table[v + np.uint64(ENTRIES)]
                            offset = base + np.uint64(low[v]) * wide
                            store(sinogram, offset, multiply_add(value, lower, load(sinogram, offset, lanes)))
                            offset += wide
                            store(sinogram, offset, multiply_add(value, upper, load(sinogram, offset, lanes)))
                            base += line
                        entry += VIEWS

    return scatter


def gather(seen: Detector, sinogram: NDArray[Any], shape: tuple[int, int], lanes: int) -> NDArray[Any]:
    """Backprojection of a packed sinogram, empty bins at both ends, into a packed image with a border of `PAD`."""
    height, width = shape
    image = zeros((height + 2 * PAD) * (width + 2 * PAD) * lanes, sinogram.dtype)
    across = -(-width // TILE)

    def tile(index: int) -> None:
        _gather(lanes)(
            image, sinogram, seen.kind, seen.numbers, seen.cosine, seen.sine, seen.bins, seen.views, height, width,
            index // across * TILE, index % across * TILE,
        )  # fmt: skip

    share(tile, range(across * -(-height // TILE)))
    return image


def scatter(seen: Detector, image: NDArray[Any], shape: tuple[int, int], lanes: int) -> NDArray[Any]:
    """The transpose of `gather`; what its empty bins collect means nothing."""
    sinogram = zeros(seen.views * (seen.bins + 2) * lanes, image.dtype)

    def views(view: int) -> None:
        _scatter(lanes)(
            image, sinogram, seen.kind, seen.numbers, seen.cosine, seen.sine, seen.bins, seen.views, *shape, view
        )

    share(views, range(0, seen.views, VIEWS))
    return sinogram
