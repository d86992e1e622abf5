"""HU windows, which map HU to grey values."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.errors import UsageError

LUT_LOWEST_HU = -32768

_MOST_HU = 1e6
"""Largest accepted width or level in HU; no CT image has higher values."""


def is_usable_window(width_hu: float, level_hu: float) -> bool:
    """Return whether a window is valid for display: width and level are finite, and the width is positive.

    >>> is_usable_window(400, 40), is_usable_window(float("inf"), 40), is_usable_window(400, float("nan"))
    (True, False, False)
    """
    return 0 < width_hu <= _MOST_HU and abs(level_hu) <= _MOST_HU


@dataclass(frozen=True)
class HuWindow:
    """HU window, defined by its width and level in HU.

    Raises:
        UsageError: the width is not positive, or width or level are not finite or too large.

    Examples:
        >>> HuWindow(400, 40).low_hu, HuWindow(400, 40).high_hu
        (-160.0, 240.0)
        >>> HuWindow(400, 40).grey(np.array([-1000, -160, 40, 240], np.int16))
        array([  0,   0, 128, 255], dtype=uint8)
    """

    width_hu: float
    level_hu: float

    def __post_init__(self) -> None:
        if not self.width_hu > 0:
            raise UsageError(f"The width of an HU window must be above 0, not {self.width_hu:g}.")
        if not is_usable_window(self.width_hu, self.level_hu):
            raise UsageError(
                f"Width and level of an HU window must be finite, not {self.width_hu:g} and {self.level_hu:g} HU."
            )

    @property
    def low_hu(self) -> float:
        """HU at and below which pixels are black."""
        return self.level_hu - self.width_hu / 2

    @property
    def high_hu(self) -> float:
        """HU at and above which pixels are white."""
        return self.level_hu + self.width_hu / 2

    def grey(self, hu: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Convert HU of any shape to grey values 0 to 255; NaN becomes black."""
        scaled = (np.asarray(hu, np.float32) - self.low_hu) * (255 / self.width_hu)
        return np.asarray(np.rint(np.clip(np.nan_to_num(scaled), 0, 255)), np.uint8)

    def lut(self) -> NDArray[np.uint8]:
        """Return the grey value of every int16 HU, `[65536]`: `lut()[hu.astype(np.int32) - LUT_LOWEST_HU]`."""
        return self.grey(np.arange(LUT_LOWEST_HU, LUT_LOWEST_HU + 65536))
