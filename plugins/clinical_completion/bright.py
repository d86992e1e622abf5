"""Bright objects without metal masks, such as clips and calcifications, which the network must keep."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.learning.metal import Shares

_MOST = 3
_RADIUS_PX = (0.8, 4.0)
_HU = (1200.0, 4500.0)
_DISTANCE_PX = (4, 70)
"""Ranges of the number of objects, their radii, their HU, and their distance from metal."""

_TISSUE_HU = -200
_SHARP_PX = 1.0


def add_bright(hu: NDArray[np.float32], metal: Shares, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a slice with one to three ellipses of bright material near its metal.

    Args:
        hu: slice in HU, `[y, x]`.
        metal: metal fraction of each pixel, 0 to 1, `[y, x]`, by material.
        rng: random generator.
    """
    away = ndimage.distance_transform_edt(np.sum(list(metal.values()), axis=0) <= 0)
    near, far = _DISTANCE_PX
    places = np.argwhere((away > near) & (away < far) & (hu > _TISSUE_HU))
    if not len(places):
        return hu
    y, x = np.indices(hu.shape, dtype=np.float32)
    result = hu.copy()
    for row, column in places[rng.integers(len(places), size=int(rng.integers(1, _MOST + 1)))]:
        radii, turn = rng.uniform(*_RADIUS_PX, size=2), rng.uniform(0, np.pi)
        along = np.cos(turn) * (x - column) + np.sin(turn) * (y - row)
        across = np.cos(turn) * (y - row) - np.sin(turn) * (x - column)
        outside_px = (np.hypot(along / radii[0], across / radii[1]) - 1) * radii.min()
        share = np.clip(0.5 - outside_px / _SHARP_PX, 0, 1) * (away > near / 2)
        result += share * np.maximum(rng.uniform(*_HU) - result, 0)
    return result.astype(np.float32)
