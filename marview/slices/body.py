"""Where the body is in a slice."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.volume.volume import BODY_HU


def body_of(hu: NDArray[Any]) -> NDArray[np.bool_]:
    """Where the body is: all above -500 HU; bool, the image's shape."""
    return np.asarray(hu > BODY_HU)
