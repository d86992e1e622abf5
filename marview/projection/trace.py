"""Which rays meet a mask, from the mask's own pixels alone.

A ray that meets a mask meets it in a pixel with a neighbour outside: going along the ray, the last row (or column) at
which Joseph's method takes anything from the mask is followed by one at which it does not, no more than a pixel to the
side. So only the edge of the mask is looked at, and for each of its pixels only the few bins that can see it.
"""

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from marview.geometry import Beam, FanBeamFlat, ParallelBeam
from marview.projection.backprojection import FLAT, PARALLEL, VIEWS, detector
from marview.projection.compiling import kernel, share
from marview.projection.rays import rays


@kernel
def _mark(marked, rows, columns, seen, reach, middles, plan, view_from, view_to):  # type: ignore[no-untyped-def]
    kind, numbers, cosine, sine = seen
    middle_row, middle_column = middles
    by_column, place, slope = plan
    real = numbers.dtype.type
    distance, scale, middle, pixel = numbers[0], numbers[1], numbers[2] - real(1), numbers[3]
    bins = marked.shape[1]
    for view in range(view_from, view_to):
        c, s = cosine[view], sine[view]
        for one in range(len(rows)):
            row, column = real(rows[one]), real(columns[one])
            x, y = (column - middle_column) * pixel, (row - middle_row) * pixel
            along, depth = x * c + y * s, distance - x * s + y * c
            if kind == PARALLEL:
                at = along * scale
            elif kind == FLAT:
                at = along * distance / depth * scale
            else:
                at = np.arctan(along / depth) * scale
            at += middle
            for bin_index in range(max(0, int(np.ceil(at - reach))), min(bins - 1, int(np.floor(at + reach))) + 1):
                ray = np.uint64(view * bins + bin_index)
                step, aside = (column, row) if by_column[ray] else (row, column)
                if abs(place[ray] + slope[ray] * step - aside) < real(1):
                    marked[view, bin_index] = True


def edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of a mask `[y, x]` that have one of their eight neighbours outside it, or lie at the image's edge."""
    inside = np.pad(mask, 1)
    inner = inside[1:-1] & inside[:-2] & inside[2:]
    whole: NDArray[np.bool_] = inner[:, 1:-1] & inner[:, :-2] & inner[:, 2:]
    return mask & ~whole


def mark(beam: Beam, shape: tuple[int, int], pixel_mm: float, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rays that meet each mask, `[slice, y, x]` -> `[slice, view, bin]`: those whose forward projection is not zero."""
    detected, traced = detector(beam, pixel_mm, "float32"), rays(beam, shape, pixel_mm, "float32")
    seen = (detected.kind, detected.numbers, detected.cosine, detected.sine)
    plan = (traced.by_column, traced.place, traced.slope)
    middles = np.float32((shape[0] - 1) / 2), np.float32((shape[1] - 1) / 2)
    reach = np.float32(bins_per_mm(beam, math.hypot(*shape) * pixel_mm / 2) * pixel_mm + 1e-2)
    marked = np.zeros((len(masks), beam.views, beam.bins), np.bool_)
    for mask, result in zip(masks, marked, strict=True):
        rows, columns = np.nonzero(edge(mask))
        work = partial(_mark_views, result, rows, columns, seen, reach, middles, plan)
        share(work, range(0, beam.views if len(rows) else 0, VIEWS))
    return marked


def bins_per_mm(beam: Beam, radius_mm: float) -> float:
    """At most how many bins a millimetre across a ray covers, within a radius of the middle."""
    if isinstance(beam, ParallelBeam):
        return 1 / beam.bin_mm
    nearest = beam.source_to_isocentre_mm - radius_mm
    if isinstance(beam, FanBeamFlat):
        slant = math.cos(math.asin(radius_mm / beam.source_to_isocentre_mm))
        return beam.source_to_detector_mm / (nearest * slant * beam.bin_mm)
    return 1 / (nearest * beam.bin_rad)


def _mark_views(result, rows, columns, seen, reach, middles, plan, view):  # type: ignore[no-untyped-def]
    _mark(result, rows, columns, seen, reach, middles, plan, view, min(view + VIEWS, len(result)))
