"""Find the body in a slice."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.volume.volume import BODY_HU


def body_of(hu: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the mask of the body, all pixels above -500 HU, bool in the shape of the image."""
    return np.asarray(hu > BODY_HU)
