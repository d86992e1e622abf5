"""Tissue as a mixture of water and bone."""

import torch
from torch import Tensor

from marview.physics.attenuation import MU_WATER

_NO_BONE = MU_WATER * 1.1
_ALL_BONE = MU_WATER * 2.5


def split_tissue(mu: Tensor) -> Tensor:
    """Split an image `[slice, y, x]` into water and bone that add up to it, `[2, slice, y, x]`, all in 1/cm.

    All water up to 100 HU, all bone from 1500 HU, a share that rises linearly between.
    """
    bone = mu * ((mu - _NO_BONE) / (_ALL_BONE - _NO_BONE)).clamp(0, 1)
    return torch.stack([mu - bone, bone])
