"""Pixel-driven backprojection, as FBP needs it, and its exact transpose, for many slices at once on the CPU.

Every pixel takes from each view the value between the two bins its own ray falls between, times the beam's distance weight.
"""

from functools import cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from marview.geometry import Beam, FanBeamFlat, ParallelBeam
from marview.projection.compiling import kernel, share
from marview.projection.rays import PAD
from marview.projection.simd import load, multiply_add, store, zeros_like

TILE = 16  # pixels along each edge
VIEWS = 32  # of a tile
PARALLEL, FLAT, ARC = 0, 1, 2


@numba.njit(fastmath={"contract", "reassoc", "nsz"}, error_model="numpy")
def _arctan(value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return np.arctan(value)


@kernel
def _locate(
    kind, numbers, cosine, sine, bins, pixel, top, left, height, width, view, count, low, weight_low, weight_high
):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, C901
    """Fill the tables of a tile, flat `[pixel of the tile, view]`: lower bin and the weights of it and the next."""
    distance, scale, middle = numbers[0], numbers[1], numbers[2]
    real = numbers.dtype.type
    for v in range(count):
        c, s = cosine[view + v], sine[view + v]
        for i in range(TILE):
            y = (real(top + i) - real(height - 1) / real(2)) * pixel
            for j in range(TILE):
                x = (real(left + j) - real(width - 1) / real(2)) * pixel
                along, depth = x * c + y * s, distance - x * s + y * c
                weight = real(1)
                if kind == PARALLEL:
                    at = along * scale
                elif kind == FLAT:
                    inverse = distance / depth
                    at = along * inverse * scale
                    weight = inverse * inverse
                else:
                    at = _arctan(along / depth) * scale
                    weight = distance * distance / (along * along + depth * depth)
                at += middle
                entry = (i * TILE + j) * VIEWS + v
                if not -1 < at < bins:
                    low[entry], weight_low[entry], weight_high[entry] = 0, 0, 0
                    continue
                floor = np.floor(at)
                part = at - floor
                if floor < 0:
                    low[entry], weight_low[entry], weight_high[entry] = 0, part * weight, 0
                elif floor >= bins - 1:
                    low[entry], weight_low[entry], weight_high[entry] = bins - 1, (1 - part) * weight, 0
                else:
                    low[entry] = np.uint32(floor)
                    weight_low[entry], weight_high[entry] = (1 - part) * weight, part * weight


@cache
def _gather(lanes: int) -> Any:
    @kernel
    def gather(image, sinogram, kind, numbers, cosine, sine, bins, pixel, top, left, height, width):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        low = np.empty(TILE * TILE * VIEWS, np.uint32)
        weight_low = np.empty(TILE * TILE * VIEWS, numbers.dtype)
        weight_high = np.empty(TILE * TILE * VIEWS, numbers.dtype)
        wide = np.uint64(lanes)
        for view in range(0, len(cosine), VIEWS):
            count = min(VIEWS, len(cosine) - view)
            _locate(
                kind, numbers, cosine, sine, bins, pixel, top, left, height, width, view, count,
                low, weight_low, weight_high,
            )  # fmt: skip
            for i in range(min(TILE, height - top)):
                for j in range(min(TILE, width - left)):
                    target = (np.uint64(top + i + PAD) * np.uint64(width + 2 * PAD) + np.uint64(left + j + PAD)) * wide
                    entry = np.uint64((i * TILE + j) * VIEWS)
                    total = load(image, target, lanes)
                    for v in range(count):
                        offset = (np.uint64(view + v) * np.uint64(bins) + np.uint64(low[entry + np.uint64(v)])) * wide
                        total = multiply_add(load(sinogram, offset, lanes), weight_low[entry + np.uint64(v)], total)
                        total = multiply_add(
                            load(sinogram, offset + wide, lanes), weight_high[entry + np.uint64(v)], total
                        )
                    store(image, target, total)

    return gather


@cache
def _scatter(lanes: int) -> Any:
    @kernel
    def scatter(image, sinogram, kind, numbers, cosine, sine, bins, pixel, view, height, width):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        low = np.empty(TILE * TILE * VIEWS, np.uint32)
        weight_low = np.empty(TILE * TILE * VIEWS, numbers.dtype)
        weight_high = np.empty(TILE * TILE * VIEWS, numbers.dtype)
        wide = np.uint64(lanes)
        count = min(VIEWS, len(cosine) - view)
        own = np.empty((VIEWS * bins + 1) * lanes, image.dtype)
        own[:] = 0
        for top in range(0, height, TILE):
            for left in range(0, width, TILE):
                _locate(
                    kind, numbers, cosine, sine, bins, pixel, top, left, height, width, view, count,
                    low, weight_low, weight_high,
                )  # fmt: skip
                for v in range(count):
                    for i in range(min(TILE, height - top)):
                        for j in range(min(TILE, width - left)):
                            pixel_offset = (
                                np.uint64(top + i + PAD) * np.uint64(width + 2 * PAD) + np.uint64(left + j + PAD)
                            ) * wide
                            value = load(image, pixel_offset, lanes)
                            entry = np.uint64((i * TILE + j) * VIEWS + v)
                            offset = np.uint64(v * bins + low[entry]) * wide
                            store(own, offset, multiply_add(value, weight_low[entry], load(own, offset, lanes)))
                            offset += wide
                            store(own, offset, multiply_add(value, weight_high[entry], load(own, offset, lanes)))
        start = view * bins * lanes
        sinogram[start : start + count * bins * lanes] = own[: count * bins * lanes]

    return scatter


def _numbers(beam: Beam, pixel_mm: float, dtype: Any) -> tuple[Any, ...]:
    middle = (beam.bins - 1) / 2 - beam.bin_offset
    if isinstance(beam, ParallelBeam):
        kind, distance, scale = PARALLEL, 0.0, 1 / beam.bin_mm
    elif isinstance(beam, FanBeamFlat):
        kind, distance = FLAT, beam.source_to_isocentre_mm
        scale = beam.source_to_detector_mm / beam.source_to_isocentre_mm / beam.bin_mm
    else:
        kind, distance, scale = ARC, beam.source_to_isocentre_mm, 1 / beam.bin_rad
    angles = beam.angles_rad
    return (
        kind, np.array([distance, scale, middle], dtype), np.cos(angles).astype(dtype), np.sin(angles).astype(dtype),
        beam.bins, np.dtype(dtype).type(pixel_mm),
    )  # fmt: skip


def gather(beam: Beam, sinogram: NDArray[Any], shape: tuple[int, int], pixel_mm: float, lanes: int) -> NDArray[Any]:
    """Backprojection into a packed image of a packed sinogram that has one empty bin behind its last."""
    height, width = shape
    image = np.zeros((height + 2 * PAD) * (width + 2 * PAD) * lanes, sinogram.dtype)
    numbers = _numbers(beam, pixel_mm, sinogram.dtype)
    across = -(-width // TILE)

    def tile(index: int) -> None:
        top, left = index // across * TILE, index % across * TILE
        _gather(lanes)(image, sinogram, *numbers, top, left, height, width)

    share(tile, range(across * -(-height // TILE)))
    return image


def scatter(beam: Beam, image: NDArray[Any], shape: tuple[int, int], pixel_mm: float, lanes: int) -> NDArray[Any]:
    """The transpose of `gather`: a packed sinogram."""
    sinogram = np.empty(beam.views * beam.bins * lanes, image.dtype)
    numbers = _numbers(beam, pixel_mm, image.dtype)

    def block(view: int) -> None:
        _scatter(lanes)(image, sinogram, *numbers, view, *shape)

    share(block, range(0, beam.views, VIEWS))
    return sinogram
