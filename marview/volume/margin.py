"""Grow or shrink a metal mask by a margin in mm."""

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput, UsageError
from marview.geometry import Grid
from marview.text import translatable
from marview.volume.mask import grow_mm

MOST_MARGIN_MM = 1000.0
"""Largest margin in mm, which exceeds the field of view of CT scanners."""


def is_margin(margin_mm: float) -> bool:
    """Return whether a number is a valid margin: finite and not too large.

    >>> is_margin(-2.5), is_margin(float("nan")), is_margin(-1e308)
    (True, False, False)
    """
    return abs(margin_mm) <= MOST_MARGIN_MM


def with_margin(mask: NDArray[np.bool_], margin_mm: float, grid: Grid) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Grow or shrink a mask on its grid.

    Args:
        mask: bool, `[z, y, x]`.
        margin_mm: margin in mm; positive grows the mask, negative shrinks it.
        grid: positions of the voxels.

    Returns:
        The mask, and a note if the margin shrinks the mask, or changes nothing because it is smaller than a
        voxel.

    Raises:
        BadInput: the margin removes the whole mask.
        UsageError: the margin is not a number or exceeds `MOST_MARGIN_MM`.
    """
    if not is_margin(margin_mm):
        raise UsageError(f"A margin must be between -1000 and 1000 mm, not {margin_mm}.")
    if not margin_mm or not mask.any():
        return mask, ()
    changed = grow_mm(mask, margin_mm, grid.stack_mm, drift_mm=grid.drift_mm)
    if not changed.any():
        raise BadInput(f"A margin of {margin_mm:g} mm removes the whole metal mask. Use a margin closer to 0.")
    if np.count_nonzero(changed) != np.count_nonzero(mask):
        return changed, shrunk_notes(margin_mm)
    nearest = f"neighbouring voxel centres are at least {min(grid.stack_mm):.2f} mm apart."
    return changed, (f"A margin of {margin_mm:g} mm changes nothing: {nearest}",)


def shrunk_notes(margin_mm: float) -> tuple[str, ...]:
    """Return a note if a margin shrinks the mask, because a mask that is too small leaves strong streaks."""
    if margin_mm >= 0:
        return ()
    shrunk = translatable(f"The mask was shrunk by {-margin_mm:g} mm. Metal outside the mask causes strong streaks.")
    return (shrunk,)
