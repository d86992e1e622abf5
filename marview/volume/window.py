"""The HU window: which HU are black, which white, and the grey values between."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.errors import UsageError

LUT_LOWEST_HU = -32768


@dataclass(frozen=True)
class HuWindow:
    """Width and level in HU.

    Raises:
        UsageError: the width is not positive.

    Example:
        >>> HuWindow(400, 40).low_hu, HuWindow(400, 40).high_hu
        (-160.0, 240.0)
        >>> HuWindow(400, 40).grey(np.array([-1000, -160, 40, 240], np.int16))
        array([  0,   0, 128, 255], dtype=uint8)
    """

    width_hu: float
    level_hu: float

    def __post_init__(self) -> None:
        if not self.width_hu > 0:
            raise UsageError(f"A HU window has a width above 0, not {self.width_hu:g}.")

    @property
    def low_hu(self) -> float:
        """HU from which down all is black."""
        return self.level_hu - self.width_hu / 2

    @property
    def high_hu(self) -> float:
        """HU from which up all is white."""
        return self.level_hu + self.width_hu / 2

    def grey(self, hu: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Grey values 0 to 255 of HU of any shape; NaN is black."""
        scaled = (np.asarray(hu, np.float32) - self.low_hu) * (255 / self.width_hu)
        return np.asarray(np.rint(np.clip(np.nan_to_num(scaled), 0, 255)), np.uint8)

    def lut(self) -> NDArray[np.uint8]:
        """Grey value of every int16 HU, `[65536]`, from -32768: `lut()[hu.astype(np.int32) - LUT_LOWEST_HU]`."""
        return self.grey(np.arange(LUT_LOWEST_HU, LUT_LOWEST_HU + 65536))
