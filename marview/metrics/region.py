"""Masks of the regions to measure: the ring around metal, and pixels far from metal."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from marview.volume.checked_mask import checked_mask

RING_PX = 20
"""Width in pixels of the ring around metal, in which artifacts are worst."""


def ring(metal: NDArray[Any], width_px: float = RING_PX) -> NDArray[np.bool_]:
    """Return the non-metal pixels within `width_px` of metal; bool, `[y, x]`, all False without metal."""
    metal = checked_mask(metal)
    if not metal.any():
        return np.zeros(metal.shape, dtype=bool)
    return np.asarray(~metal & (distance_transform_edt(~metal) <= width_px))


def far_from(metal: NDArray[Any], distance_px: float = 2 * RING_PX) -> NDArray[np.bool_]:
    """Return the pixels farther than `distance_px` from all metal; bool, `[y, x]`, all True without metal."""
    metal = checked_mask(metal)
    if not metal.any():
        return np.ones(metal.shape, dtype=bool)
    return np.asarray(distance_transform_edt(~metal) > distance_px)
