"""Bring a metal mask from the grid it was made on to the grid of a volume."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.errors import BadInput
from marview.geometry import Grid
from marview.volume.box import Box, box_of, grown

_SAME_VOXELS = 0.05


def mask_on_grid(mask: NDArray[np.bool_], mask_grid: Grid, grid: Grid) -> NDArray[np.bool_]:
    """The mask on another grid, by the nearest voxel; the mask itself where the grids are the same.

    Grids whose voxels lie within a twentieth of a voxel of each other count as the same: files round.

    Args:
        mask: bool, `[z, y, x]`, on mask_grid.
        mask_grid: where the mask's voxels are.
        grid: where they are wanted.

    Raises:
        BadInput: the two belong to different frames of reference, or the metal lies outside the volume.
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
        raise BadInput(
            "The metal of the mask lies outside the volume or between its voxels: the mask belongs to another series; "
            "draw it on this one, or choose the mask's own series."
        )
    return result


def _refuse_other_frame(mask_grid: Grid, grid: Grid) -> None:
    mine, theirs = grid.frame_of_reference_uid, mask_grid.frame_of_reference_uid
    if mine and theirs and mine != theirs:
        raise BadInput(
            "The mask belongs to another frame of reference, that is another examination or patient: "
            "choose the mask that was made on this series."
        )


def _is_same(to_mask: NDArray[np.float64], shape: tuple[int, int, int]) -> bool:
    corners = _corners((slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2])))
    moved = corners @ to_mask[:3, :3].T + to_mask[:3, 3]
    return bool(np.abs(moved - corners).max() < _SAME_VOXELS)


def _corners(box: Box) -> NDArray[np.float64]:
    ends = [(part.start, part.stop - 1) for part in box]
    return np.array(np.meshgrid(*ends, indexing="ij"), dtype=np.float64).reshape(3, 8).T


def _box_on(box: Box, transform: NDArray[np.float64], shape: tuple[int, int, int]) -> Box | None:
    """The box that holds the moved corners, as far as the array reaches; None where it misses it."""
    half = 0.5 * np.abs(transform[:3, :3]).sum(axis=1)
    corners = _corners(box) @ transform[:3, :3].T + transform[:3, 3]
    low = np.maximum(np.floor(corners.min(axis=0) - half), 0).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0) + half).astype(int) + 1, shape)
    if (low >= high).any():
        return None
    z, y, x = (slice(int(start), int(stop)) for start, stop in zip(low, high, strict=True))
    return z, y, x
