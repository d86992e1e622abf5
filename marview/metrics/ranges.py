"""HU ranges used in the literature."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]
"""HU, any real dtype."""

_MU_WATER = 0.192  # 1/cm at 70 keV, as in published MAR simulators


class HuRange(NamedTuple):
    """HU range to which images are clipped, before they are scaled to [0, 1] and compared.

    Attributes:
        low_hu: HU mapped to 0.
        high_hu: HU mapped to 1.
    """

    low_hu: float
    high_hu: float

    @property
    def width_hu(self) -> float:
        """Width of the range in HU, which is the peak value for PSNR."""
        return self.high_hu - self.low_hu

    def clip(self, hu: Image) -> NDArray[np.float64]:
        """Clip an image in HU, of any shape, to the range."""
        return np.clip(np.asarray(hu, dtype=np.float64), self.low_hu, self.high_hu)

    def scale(self, hu: Image) -> NDArray[np.float64]:
        """Clip an image in HU, of any shape, and scale it to [0, 1]."""
        return (self.clip(hu) - self.low_hu) / self.width_hu

    def holds(self, hu: Image) -> NDArray[np.bool_]:
        """Return whether each pixel of an image in HU, of any shape, is in the range, including both ends."""
        return np.asarray((hu >= self.low_hu) & (hu <= self.high_hu))


def _of_attenuation(highest_per_cm: float) -> HuRange:
    return HuRange(-1000.0, (highest_per_cm / _MU_WATER - 1) * 1000)


PRIMARY = _of_attenuation(0.5)
"""0 to 0.5/cm, -1000 to 1604 HU: the range of SynDeepLesion's tables (OSCNet's statistic.m)."""

FULL = _of_attenuation(1.0)
"""0 to 1/cm, -1000 to 4208 HU: the range of the tables of MARMamba and related papers, 2024 and later."""

SOFT_TISSUE = HuRange(-175.0, 275.0)
"""The abdominal window used by DuDoNet, DICDNet and the DeepLesion files."""
