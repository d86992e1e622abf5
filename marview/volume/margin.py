"""The margin of a metal mask: in mm, with a note if it changes nothing."""

import math

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput, UsageError
from marview.geometry import Grid
from marview.volume.mask import grow_mm


def with_margin(mask: NDArray[np.bool_], margin_mm: float, grid: Grid) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Grow or shrink a mask on its grid.

    Args:
        mask: bool, `[z, y, x]`.
        margin_mm: margin in mm; + grows the mask, - shrinks it.
        grid: positions of the voxels.

    Returns:
        The mask, and a note if the margin is smaller than a voxel and so changes nothing.

    Raises:
        BadInput: the margin removes the whole mask.
        UsageError: the margin is not a finite number.
    """
    if not math.isfinite(margin_mm):
        raise UsageError(f"A margin must be a length in mm, not {margin_mm}.")
    if not margin_mm or not mask.any():
        return mask, ()
    changed = grow_mm(mask, margin_mm, grid.stack_mm, drift_mm=grid.drift_mm)
    if not changed.any():
        raise BadInput(f"A margin of {margin_mm:g} mm removes the whole metal mask. Use a smaller margin.")
    if np.count_nonzero(changed) != np.count_nonzero(mask):
        return changed, ()
    nearest = f"neighbouring voxel centres are at least {min(grid.stack_mm):.2f} mm apart."
    return changed, (f"A margin of {margin_mm:g} mm changes nothing: {nearest}",)
