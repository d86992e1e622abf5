"""Conversion between HU and linear attenuation (1/cm) at the reference energy, 70 keV."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

MU_WATER = 0.192
"""Linear attenuation of water at the reference energy in 1/cm, as in the published simulators."""

Image = TypeVar("Image", Tensor, NDArray[np.float32], NDArray[np.float64])


def hu_to_mu(hu: Image) -> Image:
    """Convert HU to attenuation in 1/cm, any shape: 0.192 (1 + HU / 1000)."""
    return hu * (MU_WATER / 1000) + MU_WATER


def mu_to_hu(mu: Image) -> Image:
    """Convert attenuation in 1/cm to HU, any shape."""
    return (mu - MU_WATER) * (1000 / MU_WATER)
