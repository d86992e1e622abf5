"""Paint a mask in place: draw with a disc or sphere along a line, or fill an outline."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from marview.volume.box import Box
from marview.volume.mask import NO_DRIFT
from marview.volume.patch import MaskPatch

Point = tuple[float, float, float]
"""Fractional voxel index (z, y, x)."""


@dataclass(frozen=True, kw_only=True)
class Brush:
    """Settings of a painting tool.

    Attributes:
        radius_mm: radius in mm; the brush paints all voxels with centres within this radius,
            and always the voxel at the pointer.
        is_sphere: whether the brush also paints in neighbouring slices.
        erases: whether the brush removes metal.
        hu_range: inclusive HU range of the voxels to change; None for all voxels.
    """

    radius_mm: float = 5.0
    is_sphere: bool = False
    erases: bool = False
    hu_range: tuple[float, float] | None = None


def stamp(
    mask: NDArray[np.bool_],
    start: Point,
    end: Point,
    brush: Brush,
    spacing_mm: Sequence[float],
    hu: NDArray[np.int16] | None = None,
    drift_mm: Sequence[float] = NO_DRIFT,
) -> MaskPatch | None:
    """Draw the brush from one pointer position to the next; for a click, start and end are equal.

    Args:
        mask: bool, `[z, y, x]`, changed in place.
        start: previous position of the pointer.
        end: current position of the pointer. A disc paints in the slice of this point.
        brush: settings of the brush.
        spacing_mm: distance between slices along their normal, between rows and between columns.
        hu: HU, `[z, y, x]`, needed for a brush with an HU range.
        drift_mm: shift (y, x) from one slice to the next, caused by a tilted gantry.

    Returns:
        Patch of the changed voxels; None if nothing changed.
    """
    spacing, drift = np.asarray(spacing_mm, np.float64), np.asarray(drift_mm, np.float64)
    first, last = np.asarray(start, np.float64), np.asarray(end, np.float64)
    if not brush.is_sphere:
        last = np.array([round(end[0]), end[1], end[2]], np.float64)
        first = np.array([last[0], start[1], start[2]])
    reach = brush.radius_mm / spacing
    if not brush.is_sphere:
        reach[0] = 0
    reach[1:] += np.abs(drift) * reach[0] / spacing[1:]
    box = _box(np.minimum(first, last) - reach, np.maximum(first, last) + reach, mask.shape)
    if box is None:
        return None
    # Rounded to float32, so that voxels at exactly the radius are painted.
    near = _squared_distance_mm(box, first, last, spacing, drift) <= brush.radius_mm**2 * (1 + 1e-5)
    z, y, x = (round(at) - part.start for at, part in zip(last, box, strict=True))
    if all(0 <= at < size for at, size in zip((z, y, x), near.shape, strict=True)):
        near[z, y, x] = True
    return _write(mask, box, near, brush, hu)


def fill_outline(
    mask: NDArray[np.bool_],
    slice_index: int,
    outline_yx: NDArray[np.float64],
    brush: Brush,
    hu: NDArray[np.int16] | None = None,
) -> MaskPatch | None:
    """Fill a polygon or a freehand outline in one slice.

    Args:
        mask: bool, `[z, y, x]`, changed in place.
        slice_index: index of the slice.
        outline_yx: corner positions in voxels, `[corner, (y, x)]`; the last corner is connected to the
            first.
        brush: brush settings; only `erases` and `hu_range` are used.
        hu: HU, `[z, y, x]`, needed for a brush with an HU range.

    Returns:
        Patch of the changed voxels; None if nothing changed.
    """
    corners = np.asarray(outline_yx, np.float64)
    low = np.array([slice_index, *corners.min(axis=0)])
    high = np.array([slice_index, *corners.max(axis=0)])
    box = _box(low, high, mask.shape)
    if box is None or len(corners) < 3:
        return None
    rows, columns = box[1:]
    shape = rows.stop - rows.start, columns.stop - columns.start
    filled = polygon2mask(shape, corners - [rows.start, columns.start])  # type: ignore[no-untyped-call]
    return _write(mask, box, filled[None], brush, hu)


def _box(low: NDArray[np.float64], high: NDArray[np.float64], shape: Sequence[int]) -> Box | None:
    """Return the box between two corners, limited to the extent of the mask."""
    starts = np.maximum(np.floor(low), 0).astype(int)
    stops = np.minimum(np.ceil(high).astype(int) + 1, shape)
    if (starts >= stops).any():
        return None
    z, y, x = (slice(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True))
    return z, y, x


def _squared_distance_mm(
    box: Box,
    first: NDArray[np.float64],
    last: NDArray[np.float64],
    spacing: NDArray[np.float64],
    drift: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return the squared distance in mm², `[z, y, x]`, of each voxel of a box from a line segment.

    For speed, the distance is computed in float32 and in place, as the squared distance from the first point minus the
    part along the line.
    """
    steps, rows, columns = (np.arange(part.start, part.stop) - start for part, start in zip(box, first, strict=True))
    moved = np.outer(steps, drift) if drift.any() else np.zeros((1, 2))  # shift of the rows and columns of each slice
    z = steps * spacing[0]
    y, x = rows * spacing[1] + moved[:, :1], columns * spacing[2] + moved[:, 1:]
    squared = _sum_of(z**2, y**2, x**2)
    line = (last - first) * spacing
    line[1:] += (last[0] - first[0]) * drift
    length_squared = float(line @ line)
    if length_squared > 0:
        along = _sum_of(*(axis * part / length_squared for axis, part in zip((z, y, x), line, strict=True)))
        share = np.clip(along, 0, 1)
        along *= 2
        along -= share
        along *= share
        along *= np.float32(length_squared)
        squared -= along
    return squared


def _sum_of(z: NDArray[np.float64], y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the sum `[z, y, x]` of values `[z]`, `[slice, y]` and `[slice, x]`; a single slice is repeated."""
    planes = (y[:, :, None] + x[:, None, :]).astype(np.float32)
    return z.astype(np.float32)[:, None, None] + planes


def _write(
    mask: NDArray[np.bool_], box: Box, chosen: NDArray[np.bool_], brush: Brush, hu: NDArray[np.int16] | None
) -> MaskPatch | None:
    if brush.hu_range is not None:
        if hu is None:
            raise ValueError("a brush with an HU range needs the volume's HU")
        lowest, highest = brush.hu_range
        chosen = chosen & (hu[box] >= lowest) & (hu[box] <= highest)
    part = mask[box]
    flips = chosen & part if brush.erases else chosen & ~part
    part ^= flips
    return MaskPatch.of_flips(flips, box)
