"""Find the rays that cross a mask, using only its edge pixels.

Each ray that crosses a mask also crosses an edge pixel, that is, a mask pixel with a neighbour outside
the mask. The reason is that after the last row (or column) in which Joseph's method samples the mask,
the next sample along the ray is outside the mask and at most one pixel to the side. It is therefore
sufficient to test each edge pixel against the few bins whose rays can cross it.
"""

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from marview.geometry import Beam, FanBeamFlat, ParallelBeam
from marview.projection.compiling import kernel, share
from marview.projection.detector import ENTRIES, VIEWS, detector, locate
from marview.projection.rays import rays

SHARE = 8 * VIEWS  # entries per thread


@kernel
def _mark(marked, rows, columns, seen, reach, size, plan, view_from, view_to):  # type: ignore[no-untyped-def]
    kind, numbers, cosine, sine = seen
    by_column, place, slope = plan
    real, pixel, bins = numbers.dtype.type, numbers[3], marked.shape[1]
    low, table = np.empty(VIEWS, np.int32), np.empty(ENTRIES + VIEWS, numbers.dtype)
    for start in range(view_from, view_to, VIEWS):
        for one in range(len(rows)):
            row, column = real(rows[one]), real(columns[one])
            x, y = (column - real(size[1] - 1) / real(2)) * pixel, (row - real(size[0] - 1) / real(2)) * pixel
            locate(kind, numbers, cosine, sine, bins, x, y, start, low, table, 0)
            for view in range(start, min(start + VIEWS, view_to)):
                lower, upper = table[view - start], table[view - start + ENTRIES]
                at = real(low[view - start] - 1) + upper / (lower + upper)
                for bin_index in range(max(0, int(np.ceil(at - reach))), min(bins - 1, int(np.floor(at + reach))) + 1):
                    ray = np.uint64(view * bins + bin_index)
                    step, aside = (column, row) if by_column[ray] else (row, column)
                    if abs(place[ray] + slope[ray] * step - aside) < real(1):
                        marked[view, bin_index] = True


def edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask `[y, x]` at the image border or next to a pixel outside the mask."""
    inside = np.pad(mask, 1)
    inner = inside[1:-1] & inside[:-2] & inside[2:]
    whole: NDArray[np.bool_] = inner[:, 1:-1] & inner[:, :-2] & inner[:, 2:]
    return mask & ~whole


def mark(beam: Beam, shape: tuple[int, int], pixel_mm: float, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where the forward projection of masks `[slice, y, x]` is not zero, bool `[slice, view, bin]`."""
    detected, traced = detector(beam, pixel_mm, "float32"), rays(beam, shape, pixel_mm, "float32")
    seen = (detected.kind, detected.numbers, detected.cosine, detected.sine)
    plan = (traced.by_column, traced.place, traced.slope)
    reach = np.float32(bins_per_mm(beam, math.hypot(*shape) * pixel_mm / 2) * pixel_mm + 1e-2)
    marked = np.zeros((len(masks), beam.views, beam.bins), np.bool_)
    for mask, result in zip(masks, marked, strict=True):
        rows, columns = _edge_pixels(mask)
        work = partial(_mark_views, result, rows, columns, seen, reach, shape, plan)
        share(work, range(0, beam.views if len(rows) else 0, SHARE))
    return marked


def _edge_pixels(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and columns of the edge pixels, searching only the bounding box of the mask."""
    used_rows, used_columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not used_rows.size:
        return used_rows, used_columns
    top, left = used_rows[0], used_columns[0]
    rows, columns = np.nonzero(edge(mask[top : used_rows[-1] + 1, left : used_columns[-1] + 1]))
    return rows + top, columns + left


def bins_per_mm(beam: Beam, radius_mm: float) -> float:
    """Return the maximum number of bins per mm across a ray, within `radius_mm` of the isocentre."""
    if isinstance(beam, ParallelBeam):
        return 1 / beam.bin_mm
    nearest = beam.source_to_isocentre_mm - radius_mm
    if isinstance(beam, FanBeamFlat):
        slant = math.cos(math.asin(radius_mm / beam.source_to_isocentre_mm))
        return beam.source_to_detector_mm / (nearest * slant * beam.bin_mm)
    return 1 / (nearest * beam.bin_rad)


def _mark_views(result, rows, columns, seen, reach, size, plan, view):  # type: ignore[no-untyped-def]
    _mark(result, rows, columns, seen, reach, size, plan, view, min(view + SHARE, len(result)))
