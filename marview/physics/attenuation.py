"""HU and linear attenuation (1/cm) of each other at the reference energy, 70 keV."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

MU_WATER = 0.192
"""Linear attenuation of water at the reference energy in 1/cm, as the field's simulators have it."""

Image = TypeVar("Image", Tensor, NDArray[np.float32], NDArray[np.float64])


def hu_to_mu(hu: Image) -> Image:
    """Attenuation in 1/cm of an image in HU, any shape."""
    return hu * (MU_WATER / 1000) + MU_WATER


def mu_to_hu(mu: Image) -> Image:
    """HU of an image in 1/cm, any shape."""
    return (mu - MU_WATER) * (1000 / MU_WATER)
