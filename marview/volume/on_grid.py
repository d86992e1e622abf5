"""Resample a metal mask from its own grid onto the grid of a volume."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.errors import BadInput
from marview.geometry import Grid
from marview.text import tr, translatable
from marview.volume.box import Box, box_of, grown

_SAME_VOXELS = 0.05
_FAR_VOXELS = float(2**40)
"""Limit of voxel positions, far outside any volume, because positions from damaged files could overflow an integer."""

_NEAR_VOXELS = 0.1
_OUTSIDE = translatable(
    "The metal in the mask is outside the volume or between its voxels, so the mask belongs to another series. Draw "
    "a mask on this series, or open the series to which the mask belongs."
)


@dataclass(frozen=True, eq=False)
class Fitted:
    """Mask on a new grid.

    Attributes:
        mask: bool, `[z, y, x]`, on the new grid.
        is_resampled: whether the mask was resampled to the nearest voxels because the voxels of the
            two grids did not coincide.
        outside: number of metal voxels of the original mask that are outside the new grid.
    """

    mask: NDArray[np.bool_]
    is_resampled: bool
    outside: int


def fit_to_grid(mask: NDArray[np.bool_], mask_grid: Grid, grid: Grid) -> Fitted:
    """Map a mask with any axis order and extent to a grid.

    If the voxels coincide, the mask is copied exactly; otherwise it is resampled to the nearest voxels.

    Args:
        mask: bool, with the axes of `mask_grid`.
        mask_grid: positions of the voxels of the mask, in any axis order.
        grid: grid of the result.

    Raises:
        BadInput: the two grids have different frames of reference, or all metal is outside the grid.
    """
    if mask.shape != mask_grid.shape:
        raise ValueError(f"a mask of shape {mask.shape} on a grid of shape {mask_grid.shape}")
    _refuse_other_frame(mask_grid, grid)
    placed = _placed(mask, mask_grid, grid)
    if placed is None:
        placed = mask_on_grid(mask, mask_grid, grid)
        index = grid.to_index(mask_grid.to_patient(np.argwhere(mask)))
        inside = ((index > -0.5) & (index < np.array(grid.shape) - 0.5)).all(axis=1)
        return Fitted(placed, is_resampled=True, outside=int((~inside).sum()))
    if mask.any() and not placed.any():
        raise BadInput(tr(_OUTSIDE))
    return Fitted(placed, is_resampled=False, outside=int(np.count_nonzero(mask)) - int(np.count_nonzero(placed)))


def _placed(mask: NDArray[np.bool_], mask_grid: Grid, grid: Grid) -> NDArray[np.bool_] | None:
    """Permute, flip and shift a mask to the grid without interpolation; None if the voxels do not coincide."""
    to_grid = np.asarray(np.linalg.inv(grid.affine) @ mask_grid.affine, dtype=np.float64)
    turn = np.rint(to_grid)
    if not (np.abs(turn[:3, :3]).sum(axis=0) == 1).all() or not (np.abs(turn[:3, :3]).sum(axis=1) == 1).all():
        return None
    corners = _corners((slice(0, mask.shape[0]), slice(0, mask.shape[1]), slice(0, mask.shape[2])))
    off = corners @ (to_grid - turn)[:3, :3].T + (to_grid - turn)[:3, 3]
    if np.abs(off).max() > _NEAR_VOXELS:
        return None
    axes = np.abs(turn[:3, :3]).argmax(axis=1)
    turned = mask.transpose(axes)
    first = np.zeros(3, np.int64)
    for at, axis in enumerate(axes):
        is_flipped = turn[at, axis] < 0
        turned = np.flip(turned, at) if is_flipped else turned
        start = np.clip(turn[at, 3], -_FAR_VOXELS, _FAR_VOXELS)
        first[at] = int(start) - (mask.shape[axis] - 1 if is_flipped else 0)
    if (first == 0).all() and turned.shape == grid.shape:
        return np.ascontiguousarray(turned)
    placed = np.zeros(grid.shape, bool)
    low = np.maximum(first, 0)
    high = np.minimum(first + turned.shape, grid.shape)
    if (low < high).all():
        there = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        here = tuple(slice(int(a), int(b)) for a, b in zip(low - first, high - first, strict=True))
        placed[there] = turned[here]
    return placed


def mask_on_grid(mask: NDArray[np.bool_], mask_grid: Grid, grid: Grid) -> NDArray[np.bool_]:
    """Resample a mask to the nearest voxels of another grid; if the grids are equal, return the mask itself.

    Grids that agree within a twentieth of a voxel count as equal, because positions in files are
    rounded.

    Args:
        mask: bool, `[z, y, x]`, on `mask_grid`.
        mask_grid: grid of the mask.
        grid: grid of the result.

    Raises:
        BadInput: the two grids have different frames of reference, or all metal is outside the volume or
            between its voxels.
    """
    if mask.shape != mask_grid.shape:
        raise ValueError(f"a mask of shape {mask.shape} on a grid of shape {mask_grid.shape}")
    _refuse_other_frame(mask_grid, grid)
    to_mask = np.asarray(np.linalg.inv(mask_grid.affine) @ grid.affine, dtype=np.float64)
    if mask.shape == grid.shape and _is_same(to_mask, grid.shape):
        return mask
    result = np.zeros(grid.shape, bool)
    box = box_of(mask)
    if box is None:
        return result
    part = grown(box, (1, 1, 1), mask.shape)
    target = _box_on(part, np.asarray(np.linalg.inv(to_mask), dtype=np.float64), grid.shape)
    if target is not None:
        first = np.array([axis.start for axis in target], dtype=np.float64)
        offset = to_mask[:3, :3] @ first + to_mask[:3, 3] - [axis.start for axis in part]
        result[target] = ndimage.affine_transform(
            mask[part].view(np.uint8),
            to_mask[:3, :3],
            offset,
            output_shape=result[target].shape,
            order=0,
            mode="grid-constant",
        )
    if not result.any():
        raise BadInput(tr(_OUTSIDE))
    return result


def _refuse_other_frame(mask_grid: Grid, grid: Grid) -> None:
    mine, theirs = grid.frame_of_reference_uid, mask_grid.frame_of_reference_uid
    if mine and theirs and mine != theirs:
        raise BadInput(
            tr(
                "The mask has another frame of reference, so it belongs to another examination or patient. Choose a "
                "mask of this series."
            )
        )


def _is_same(to_mask: NDArray[np.float64], shape: tuple[int, int, int]) -> bool:
    corners = _corners((slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2])))
    moved = corners @ to_mask[:3, :3].T + to_mask[:3, 3]
    return bool(np.abs(moved - corners).max() < _SAME_VOXELS)


def _corners(box: Box) -> NDArray[np.float64]:
    ends = [(part.start, part.stop - 1) for part in box]
    return np.array(np.meshgrid(*ends, indexing="ij"), dtype=np.float64).reshape(3, 8).T


def _box_on(box: Box, transform: NDArray[np.float64], shape: tuple[int, int, int]) -> Box | None:
    """Return the box around the transformed corners of a box, limited to the array; None if they do not overlap."""
    half = 0.5 * np.abs(transform[:3, :3]).sum(axis=1)
    corners = _corners(box) @ transform[:3, :3].T + transform[:3, 3]
    low = np.clip(np.floor(corners.min(axis=0) - half), 0, shape).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0) + half) + 1, 0, shape).astype(int)
    if (low >= high).any():
        return None
    z, y, x = (slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    return z, y, x
