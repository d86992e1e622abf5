"""Operations on a whole metal mask: grow, shrink, fill holes, smooth, interpolate between slices.

Masks are bool, `[z, y, x]`; the operations return a new mask.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence

import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.errors import BadInput, UsageError
from marview.text import tr
from marview.volume.box import box_of, grown
from marview.volume.volume import BODY_HU

Mask = NDArray[np.bool_]
NO_DRIFT = (0.0, 0.0)
NEIGHBOURS = ndimage.generate_binary_structure(3, 3)
"""Connectivity of pieces of metal: voxels that share a corner belong to the same piece."""

_TOO_MUCH = 0.5
_BLOCK_PIXELS = 1 << 18


def refuse_unusable(mask: Mask, hu: NDArray[np.int16]) -> None:
    """Raise an error for a mask that no method can use.

    Args:
        mask: bool, `[z, y, x]`.
        hu: HU, `[z, y, x]`.

    Raises:
        BadInput: the mask differs in shape from the volume, is empty, lies only in slices without a body, or
            covers more than half of the body in its slices.
    """
    if mask.shape != hu.shape:
        raise BadInput(
            tr("The metal mask has {} voxels, but the volume has {}, so the mask belongs to another series.").format(
                mask.shape, hu.shape
            )
        )
    box = box_of(mask)
    if box is None:
        raise BadInput(tr("The metal mask is empty: find or paint the metal first."))
    metal, body = int(np.count_nonzero(mask[box])), 0
    for plane in hu[box[0]]:
        body += sum(int(np.count_nonzero(rows > BODY_HU)) for rows in _blocks(plane))
        if metal <= _TOO_MUCH * body:
            return  # usually one or two slices are sufficient, so the window does not wait
    if not body:
        raise BadInput(
            tr(
                "The slices with metal contain no body: nothing in them is above {} HU. Check the metal mask and the "
                "HU of the series."
            ).format(BODY_HU)
        )
    share = metal / body
    if share > _TOO_MUCH:
        raise BadInput(
            tr(
                "The metal mask covers {:.0%} of the body in its slices, so too little tissue is left for a "
                "correction. Raise the threshold or shrink the mask."
            ).format(min(share, 1))
        )


def _blocks(plane: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
    """Yield a plane `[y, x]` in blocks of rows that fit into the cache."""
    step = max(1, _BLOCK_PIXELS // max(1, plane.shape[1]))
    for start in range(0, len(plane), step):
        yield plane[start : start + step]


def grow_mm(
    mask: Mask,
    margin_mm: float,
    spacing_mm: Sequence[float],
    *,
    drift_mm: Sequence[float] = NO_DRIFT,
    in_slices: bool = False,
) -> Mask:
    """Grow (+) or shrink (-) a mask by a Euclidean distance between voxel centres.

    Growing adds every voxel within this distance of the mask; shrinking grows the background in the same
    way. Space outside the volume counts neither as metal nor as background.

    Args:
        mask: bool, `[z, y, x]`.
        margin_mm: distance in mm; + grows, - shrinks.
        spacing_mm: distance between slices along their normal, between rows and between columns.
        drift_mm: shift (y, x) from one slice to the next, caused by a tilted gantry.
        in_slices: whether to work slice by slice.

    Examples:
        >>> mask = np.zeros((1, 5, 5), bool)
        >>> mask[0, 2, 2] = True
        >>> int(grow_mm(mask, 1.0, (3.0, 1.0, 1.0)).sum())
        5
    """
    reach = abs(margin_mm)
    box = box_of(mask)
    if box is None or reach == 0:
        return mask.copy()
    if any(drift_mm) and not in_slices:
        spread = np.hypot(1, np.asarray(drift_mm) / spacing_mm[0])  # the mask also moves sideways
        room = [int(far * reach / spacing) + 1 for far, spacing in zip((1, *spread), spacing_mm, strict=True)]
    else:
        room = [int(reach / spacing) + 1 for spacing in spacing_mm]
    box = grown(box, [0 if in_slices else room[0], *room[1:]], mask.shape)
    inner = mask[box]
    of = inner if margin_mm < 0 else ~inner
    if any(drift_mm) and not in_slices:
        away_mm = _sheared_distance_mm(of, reach, spacing_mm, drift_mm)
    else:
        away_mm = _distance_mm(of, spacing_mm, in_slices=in_slices)
    # The tolerance includes voxels at exactly the margin, whose float32 distances are rounded.
    near = away_mm <= reach * (1 + 1e-5)
    result = np.zeros(mask.shape, bool)
    result[box] = inner & ~near if margin_mm < 0 else near
    return result


def grow_px(mask: Mask, pixels: float, *, in_slices: bool = True) -> Mask:
    """Grow (+) or shrink (-) a mask by a distance in pixels: 1 adds the four neighbours, 2 adds a disc.

    With `in_slices` set to False, the distance is measured in 3D, in voxels.
    """
    return grow_mm(mask, pixels, (1.0, 1.0, 1.0), in_slices=in_slices)


def _distance_mm(of: Mask, spacing_mm: Sequence[float], *, in_slices: bool) -> NDArray[np.float32]:
    """Return the distance of each True voxel from the nearest False one; infinite if there is none."""
    if in_slices:
        return np.stack([_one_distance_mm(image, spacing_mm[1:]) for image in of])
    return _one_distance_mm(of, spacing_mm)


def _sheared_distance_mm(
    of: Mask, reach_mm: float, spacing_mm: Sequence[float], drift_mm: Sequence[float]
) -> NDArray[np.float32]:
    """Compute the distance of `_distance_mm` for slices shifted sideways by a tilted gantry, up to `reach_mm`.

    The distance within another slice is interpolated at the point where the normal through the voxel meets that slice,
    which is accurate to a fifth of a pixel.
    """
    step_mm, in_slice_mm = spacing_mm[0], spacing_mm[1:]
    steps = int(reach_mm / step_mm)
    drift = np.asarray(drift_mm) / in_slice_mm
    room = [(0, 0), *((int(steps * abs(one)) + 1,) * 2 for one in drift)]
    wide = np.pad(of, room, constant_values=True)  # no metal or background is outside the volume
    in_plane = np.minimum([_one_distance_mm(image, in_slice_mm) for image in wide], 2 * reach_mm)
    squared = in_plane**2
    for step in (*range(-steps, 0), *range(1, steps + 1)):
        for z in range(max(0, -step), min(len(of), len(of) - step)):
            there = ndimage.shift(in_plane[z + step], step * drift, order=1, mode="nearest")
            np.minimum(squared[z], there**2 + (step * step_mm) ** 2, out=squared[z])
    inside = tuple(slice(low, size - high) for (low, high), size in zip(room, wide.shape, strict=True))
    return np.asarray(np.sqrt(squared[inside]), np.float32)


def _one_distance_mm(of: Mask, spacing_mm: Sequence[float]) -> NDArray[np.float32]:
    if of.all():
        return np.full(of.shape, np.inf, np.float32)
    return np.asarray(edt.edt(np.ascontiguousarray(of), anisotropy=tuple(spacing_mm), parallel=1), np.float32)


def fill_holes(mask: Mask, *, in_slices: bool = True) -> Mask:
    """Fill the holes in each slice of a mask; in 3D, fill only fully enclosed cavities."""

    def fill(inner: Mask) -> Mask:
        if in_slices:
            return np.stack([ndimage.binary_fill_holes(image) for image in inner])
        return np.asarray(ndimage.binary_fill_holes(inner))

    return _in_box(mask, (1, 1, 1), fill)


def smooth(
    mask: Mask,
    radius_mm: float,
    spacing_mm: Sequence[float],
    *,
    drift_mm: Sequence[float] = NO_DRIFT,
    in_slices: bool = False,
) -> Mask:
    """Smooth the outline of a mask with a Gaussian filter, keeping voxels whose filtered value is above 0.5.

    Args:
        mask: bool, `[z, y, x]`.
        radius_mm: standard deviation of the Gaussian.
        spacing_mm: distance between slices along their normal, between rows and between columns.
        drift_mm: shift (y, x) from one slice to the next, caused by a tilted gantry.
        in_slices: whether to work slice by slice.
    """
    sigma = [0 if in_slices and axis == 0 else radius_mm / spacing for axis, spacing in enumerate(spacing_mm)]
    drift = np.zeros(2) if in_slices else np.asarray(drift_mm) / spacing_mm[1:]
    room = [int(4 * s) + 1 for s in sigma]

    def blur(inner: Mask) -> Mask:
        if not drift.any():
            return np.asarray(ndimage.gaussian_filter(inner.astype(np.float32), sigma, mode="nearest") > 0.5)
        in_plane = ndimage.gaussian_filter(inner.astype(np.float32), [0, *sigma[1:]], mode="nearest")
        return _blurred_along_normal(in_plane, sigma[0], drift) > 0.5

    sideways = [int(abs(one) * room[0]) + 1 if one else 0 for one in drift]
    return _in_box(mask, [room[0], room[1] + sideways[0], room[2] + sideways[1]], blur)


def _blurred_along_normal(values: NDArray[np.float32], sigma: float, drift: NDArray[np.float64]) -> NDArray[np.float32]:
    """Blur values `[z, y, x]` with a Gaussian along the normal of slices that a tilted gantry shifts sideways."""
    reach = int(4 * sigma + 0.5)
    steps = range(-reach, reach + 1)
    weights = np.exp(-0.5 * (np.array(steps) / max(sigma, 1e-6)) ** 2)
    weights /= weights.sum()
    result = np.zeros_like(values)
    for z, plane in enumerate(result):
        for step, weight in zip(steps, weights, strict=True):
            there = min(max(z + step, 0), len(values) - 1)
            plane += weight * ndimage.shift(values[there], (there - z) * drift, order=1, mode="nearest")
    return result


def drop_small(mask: Mask, fewest_voxels: int, *, in_slices: bool = False) -> Mask:
    """Remove pieces with fewer than `fewest_voxels` voxels; with `in_slices`, each slice has its own pieces."""
    neighbours = NEIGHBOURS.copy()
    if in_slices:
        neighbours[[0, 2]] = False

    def drop(inner: Mask) -> Mask:
        labels, _ = ndimage.label(inner, neighbours)
        is_kept = np.bincount(labels.ravel()) >= fewest_voxels
        is_kept[0] = False
        return np.asarray(is_kept[labels])

    return _in_box(mask, (0, 0, 0), drop)


def keep_component(mask: Mask, point_zyx: Sequence[int]) -> Mask:
    """Keep only the metal piece that contains a voxel.

    Raises:
        UsageError: there is no metal at this voxel.
    """
    return _component_at(mask, point_zyx)


def drop_component(mask: Mask, point_zyx: Sequence[int]) -> Mask:
    """Remove the metal piece that contains a voxel.

    Raises:
        UsageError: there is no metal at this voxel.
    """
    return mask & ~_component_at(mask, point_zyx)


def _component_at(mask: Mask, point_zyx: Sequence[int]) -> Mask:
    z, y, x = point_zyx
    is_inside = all(0 <= at < size for at, size in zip(point_zyx, mask.shape, strict=True))
    if not is_inside or not mask[z, y, x]:
        raise UsageError(f"There is no metal at index z {z}, y {y}, x {x}. Choose a voxel of the mask.")
    box = box_of(mask)
    assert box is not None
    labels, _ = ndimage.label(mask[box], NEIGHBOURS)
    result = np.zeros(mask.shape, bool)
    result[box] = labels == labels[z - box[0].start, y - box[1].start, x - box[2].start]
    return result


def interpolate_slices(mask: Mask) -> Mask:
    """Fill the empty slices between painted slices by interpolating signed distance maps.

    Source: Raya and Udupa 1990, Shape-based interpolation of multidimensional objects.
    """
    result = mask.copy()
    painted = np.flatnonzero(mask.any(axis=(1, 2)))
    for below, above in itertools.pairwise(painted):
        if above - below < 2:
            continue
        low, high = _signed_distance(mask[below]), _signed_distance(mask[above])
        for z in range(below + 1, above):
            weight = (z - below) / (above - below)
            result[z] = (1 - weight) * low + weight * high > 0
    return result


def _signed_distance(image: Mask) -> NDArray[np.float32]:
    """Return the signed distance to the outline in pixels, positive inside; it is 0.5 in the outermost pixels."""
    inside_px, outside_px = (_one_distance_mm(part, (1.0, 1.0)) for part in (image, ~image))
    return np.where(image, inside_px - 0.5, 0.5 - outside_px).astype(np.float32)


def copy_slice(mask: Mask, source: int, target: int) -> Mask:
    """Add the mask of one slice to another slice.

    Raises:
        UsageError: the volume has no such slice.
    """
    for index in (source, target):
        if not 0 <= index < len(mask):
            raise UsageError(f"Slice index {index} is out of range; valid indices are 0 to {len(mask) - 1}.")
    result = mask.copy()
    result[target] |= mask[source]
    return result


def _in_box(mask: Mask, room: Sequence[int], change: Callable[[Mask], Mask]) -> Mask:
    """Apply a change within the bounding box of the mask plus a margin, to save time."""
    result = np.zeros(mask.shape, bool)
    box = box_of(mask)
    if box is not None:
        box = grown(box, room, mask.shape)
        result[box] = change(mask[box])
    return result
