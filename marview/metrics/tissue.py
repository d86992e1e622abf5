"""Segment metal, bone and muscle with fixed HU limits, and measure the overlap with the ground truth."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

TISSUES = ("metal", "bone", "muscle")
METAL_HU, BONE_HU, MUSCLE_HU = 2000.0, 200.0, (10.0, 110.0)


def tissues_of(hu: NDArray[Any]) -> dict[str, NDArray[np.bool_]]:
    """Segment metal, bone and muscle with fixed HU limits.

    Metal is above 2000 HU, bone is between 200 and 2000 HU, and muscle is between 10 and 110 HU after a 3 x 3 median
    filter, except pixels that count as bone.

    Args:
        hu: image in HU, `[y, x]`.

    Returns:
        The masks of `TISSUES`, bool, `[y, x]` each.
    """
    even = median_filter(np.asarray(hu, np.float32), 3)
    bone = (hu > BONE_HU) & (hu <= METAL_HU)
    return {"metal": hu > METAL_HU, "bone": bone, "muscle": (even > MUSCLE_HU[0]) & (even < MUSCLE_HU[1]) & ~bone}


def overlap(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return the intersection over union of two bool arrays of equal shape; NaN if both are empty.

    Examples:
        >>> overlap(np.array([True, True, False]), np.array([False, True, False]))
        0.5
    """
    either = int(np.count_nonzero(first | second))
    return int(np.count_nonzero(first & second)) / either if either else float("nan")
