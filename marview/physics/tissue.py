"""Model tissue as a mixture of water and bone."""

import torch
from torch import Tensor

from marview.physics.attenuation import MU_WATER

_NO_BONE = MU_WATER * 1.1
_ALL_BONE = MU_WATER * 2.5


def split_tissue(mu: Tensor) -> Tensor:
    """Split an image `[slice, y, x]` into a water part and a bone part, `[2, slice, y, x]`.

    The parts add up to the image; all values are in 1/cm. Pixels up to 100 HU are water, and pixels from
    1500 HU are bone. Between these limits the fraction of bone increases linearly.
    """
    bone = mu * ((mu - _NO_BONE) / (_ALL_BONE - _NO_BONE)).clamp(0, 1)
    return torch.stack([mu - bone, bone])
