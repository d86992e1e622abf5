"""Draw faint lesions near metal into slices before the simulated scan, so that networks preserve them."""

import numpy as np
from numpy.typing import NDArray

from marview.learning.metal import Shares
from marview.slices.lesion import lesion_near

_MOST = 3
_CONTRAST_HU = (10.0, 80.0)
_RADIUS_PX = (2.0, 8.0)
_REACH_PX = (24.0, 100.0)
_GRID_PX = 256
"""Edge of the image, in pixels, to which the sizes above refer."""

_DARK_SHARE = 0.4


def with_lesions(hu: NDArray[np.float32], metal: Shares, rng: np.random.Generator) -> NDArray[np.float32]:
    """Add one to three round lesions to soft tissue near metal, brighter or darker than their surroundings.

    Args:
        hu: slice without metal, HU, `[y, x]`.
        metal: metal in the slice, by material.
        rng: random generator.

    Returns:
        The slice with lesions; unchanged if none fits.
    """
    solid = np.any([share > 0 for share in metal.values()], axis=0)
    scale = max(hu.shape) / _GRID_PX
    result = hu
    for _ in range(int(rng.integers(1, _MOST + 1))):
        radius, reach = rng.uniform(*_RADIUS_PX) * scale, rng.choice(_REACH_PX) * scale
        contrast = rng.uniform(*_CONTRAST_HU) * (-1 if rng.random() < _DARK_SHARE else 1)
        lesion = lesion_near(hu, solid, rng, radius, reach)
        if lesion is not None:
            result = result + np.float32(contrast) * lesion.profile
    return result
