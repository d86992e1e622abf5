"""Check that an array is a mask."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.errors import UsageError


def checked_mask(values: Any) -> NDArray[np.bool_]:
    """Convert a mask to a bool array of the same shape.

    Args:
        values: array or tensor of True and False, or of 0 and 1.

    Raises:
        UsageError: the array contains other values, such as metal fractions.

    Examples:
        >>> checked_mask(np.array([0.0, 1.0])).tolist()
        [False, True]
    """
    mask = np.asarray(values)
    if mask.dtype != bool and not np.isin(mask, (0, 1)).all():
        raise UsageError(
            "A mask must contain only True and False, or only 0 and 1. Apply a threshold first: values > 0.5."
        )
    return mask.astype(bool, copy=False)
