"""Use Dice coefficients to measure the overlap of masks, bone and metal."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from marview.metrics.ranges import Image
from marview.metrics.region import ring
from marview.volume.checked_mask import checked_mask

_BONE_HU = 150.0
_METAL_MARGIN_HU = 250.0


class Integrity(NamedTuple):
    """Measures of how well a correction preserves a structure.

    Attributes:
        dice: Dice coefficient with the true structure; 1 if both are equal.
        volume_change: relative change in the structure's volume.
    """

    dice: float
    volume_change: float


def dice(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return the Dice coefficient 2 |A and B| / (|A| + |B|) of two bool arrays of equal shape; NaN if both are empty.

    Examples:
        >>> dice(np.array([True, True, False]), np.array([False, True, False])) * 3
        2.0
    """
    first, second = checked_mask(first), checked_mask(second)
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    return 2 * int(np.count_nonzero(first & second)) / total if total else math.nan


def bone_integrity(result_hu: Image, truth_hu: Image, metal: NDArray[Any]) -> Integrity:
    """Measure how well the correction preserves bone: all pixels above 150 HU outside metal.

    This is the sixth measure of the AAPM CT-MAR challenge (Haneda et al. 2025, doi 10.1002/mp.70050).
    Images are in HU, `[y, x]`; the metal mask is bool, `[y, x]`.
    """
    tissue = ~checked_mask(metal)
    return _integrity((result_hu > _BONE_HU) & tissue, (truth_hu > _BONE_HU) & tissue)


def metal_integrity(result_hu: Image, truth_hu: Image, metal: NDArray[Any]) -> Integrity:
    """Measure how well metal is preserved in the corrected image.

    This is the seventh measure of the AAPM CT-MAR challenge (Haneda et al. 2025, doi 10.1002/mp.70050). A
    pixel counts as metal if its value is more than 250 HU above the highest value of the ground truth in the
    20-pixel ring around the metal. Only pixels in the metal and in this ring are evaluated.

    Args:
        result_hu: corrected image with metal, HU, `[y, x]`.
        truth_hu: ground truth, HU, `[y, x]`.
        metal: true metal mask, bool, `[y, x]`; an empty mask gives NaN.
    """
    metal = checked_mask(metal)
    surroundings = ring(metal)
    if not surroundings.any():
        return Integrity(math.nan, math.nan)
    threshold_hu = float(truth_hu[surroundings].max()) + _METAL_MARGIN_HU
    return _integrity((result_hu > threshold_hu) & (metal | surroundings), metal)


def _integrity(found: NDArray[np.bool_], true: NDArray[np.bool_]) -> Integrity:
    size = int(np.count_nonzero(true))
    change = int(np.count_nonzero(found)) / size - 1 if size else math.nan
    return Integrity(dice(found, true), change)
