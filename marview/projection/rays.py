"""Compute where the rays of a beam cross the rows or columns of an image, for Joseph's method.

A ray whose direction is closer to the y axis than to the x axis is traced from row to row and
interpolated between the two nearest columns; other rays are traced from column to column. A "step" is
the row or column that the ray crosses, and the "place" is the position of the ray in that row or
column. Source: P. M. Joseph, An improved algorithm for reprojecting rays through pixel images, IEEE
Trans. Med. Imaging 1, 1982.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.errors import UsageError
from marview.geometry import Beam, FanBeamArc, FanBeamFlat, ParallelBeam

PAD = 2
"""Width of the empty border around a packed image, so that kernels need no checks at its edges."""


@dataclass(frozen=True, eq=False)
class Rays:
    """Rays of a beam through an image; all arrays except `runs` are flat, `[view * bin]`.

    Attributes:
        runs: groups of neighbouring rays of a view that are traced along the same axis, `[run, 4]`: first ray, ray
            after the last, step to the next ray (+1 or -1), and 1 if they are traced from column to column. The rays of
            a group are ordered by where they cross the middle of the image.
        by_column: whether the ray is traced from column to column.
        place: position of the ray in the row or column of step 0, in pixels: x in a row, y in a column.
        slope: change of the position per step, in pixels.
        length: length of the ray within one step, in cm.
        first: first step inside the image.
        last: step after the last one inside the image.
    """

    runs: NDArray[np.int64]
    by_column: NDArray[np.bool_]
    place: NDArray[Any]
    slope: NDArray[Any]
    length: NDArray[Any]
    first: NDArray[np.int32]
    last: NDArray[np.int32]


def origins_and_directions(beam: Beam) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a point on each ray, in mm, and the ray's direction; for a fan beam, the point is the source.

    Returns:
        Points and directions, `[view, bin, (x, y)]` each.
    """
    position = beam.bin_positions[None, :]
    origin: tuple[Any, Any]
    direction: tuple[Any, Any]
    if isinstance(beam, ParallelBeam):
        origin, direction = (position * beam.bin_mm, 0.0), (0.0, 1.0)
    elif isinstance(beam, FanBeamFlat):
        origin, direction = (0.0, -beam.source_to_isocentre_mm), (position * beam.bin_mm, beam.source_to_detector_mm)
    else:
        gamma = position * beam.bin_rad
        origin, direction = (0.0, -beam.source_to_isocentre_mm), (np.sin(gamma), np.cos(gamma))
    return _turn(beam, *origin), _turn(beam, *direction)


def _turn(beam: Beam, a: Any, b: Any) -> NDArray[np.float64]:
    cosine, sine = np.cos(beam.angles_rad)[:, None], np.sin(beam.angles_rad)[:, None]
    x, y = np.broadcast_arrays(a * cosine - b * sine, a * sine + b * cosine)
    return np.stack(np.broadcast_arrays(x, y, np.empty((beam.views, beam.bins)))[:2], axis=-1)


def check_source_outside(beam: Beam, shape: tuple[int, int], pixel_mm: float) -> None:
    """Raise `UsageError` if the path of the source crosses the image."""
    corner = math.hypot(*shape) * pixel_mm / 2
    if isinstance(beam, FanBeamFlat | FanBeamArc) and beam.source_to_isocentre_mm <= corner:
        raise UsageError(
            f"The source is {beam.source_to_isocentre_mm:g} mm from the centre of the image, but must be outside the "
            f"image, whose corners are {corner:g} mm from its centre. Use a smaller image or a larger "
            "source_to_isocentre_mm."
        )


@lru_cache(maxsize=16)
def rays(beam: Beam, shape: tuple[int, int], pixel_mm: float, dtype: str) -> Rays:
    """Return the rays of a beam through an image of `shape` (y, x) as numbers of `dtype`; cached for later calls."""
    origin, direction = origins_and_directions(beam)
    by_column = np.abs(direction[..., 0]) > np.abs(direction[..., 1])
    swap = by_column[..., None]
    origin = np.where(swap, origin, origin[..., ::-1])  # axes are now (along the steps, across them)
    direction = np.where(swap, direction, direction[..., ::-1])
    along_count = np.where(by_column, shape[1], shape[0])
    aside_count = np.where(by_column, shape[0], shape[1])
    slope = direction[..., 1] / direction[..., 0]
    step_0 = -(along_count - 1) / 2 * pixel_mm
    place = (origin[..., 1] + (step_0 - origin[..., 0]) * slope) / pixel_mm + (aside_count - 1) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        enter, leave = (-1 - place) / slope, (aside_count - place) / slope
    inside = (place > -1) & (place < aside_count)
    flat = np.abs(slope) < 1e-12
    enter, leave = np.minimum(enter, leave), np.maximum(enter, leave)
    first = np.where(flat, np.where(inside, 0, along_count), np.ceil(np.clip(enter, 0, along_count)))
    last = np.where(flat, along_count, np.floor(np.clip(leave, -1, along_count - 1)) + 1)
    length = pixel_mm / 10 * np.sqrt(1 + slope**2)

    def flatten(array: NDArray[Any], kind: Any) -> NDArray[Any]:
        return np.ascontiguousarray(array, kind).ravel()

    return Rays(
        _runs(by_column, place + slope * (along_count / 2)),
        flatten(by_column, np.bool_),
        flatten(place, dtype),
        flatten(slope, dtype),
        flatten(length, dtype),
        flatten(first, np.int32),
        flatten(np.maximum(last, first), np.int32),
    )


def _runs(by_column: NDArray[np.bool_], middle: NDArray[np.float64]) -> NDArray[np.int64]:
    bins = by_column.shape[1]
    found = []
    for view, columns in enumerate(by_column):
        edges = [0, *(np.flatnonzero(np.diff(columns)) + 1), bins]
        for start, stop in pairwise(edges):
            rising = middle[view, stop - 1] >= middle[view, start]
            begin, end = (start, stop) if rising else (stop - 1, start - 1)
            found.append((view * bins + begin, view * bins + end, 1 if rising else -1, int(columns[start])))
    return np.array(found, np.int64)
