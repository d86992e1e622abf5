"""Find the body in a slice."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.volume.volume import BODY_HU


def body_of(hu: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the body mask of an image: bool array of the same shape, True above -500 HU."""
    return np.asarray(hu > BODY_HU)
