"""The CNNMAR network, which receives three images of the same slice."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from marview.physics.attenuation import MU_WATER

CHANNELS = 3
"""Number of input images: uncorrected, corrected for beam hardening, and linear interpolation."""

_LI = 2


class Cnn(nn.Sequential):
    """Network of five 3 x 3 convolutions, with ReLU after the first four.

    It has 28,929 parameters at a width of 32.

    Args:
        width: number of channels in the hidden layers.
        starts_as_li: whether the untrained network returns the linear interpolation image and thus learns a
            correction to it; otherwise, it starts from PyTorch's default weights.

    Source: Zhang and Yu 2018, section III.
    """

    def __init__(self, width: int = 32, *, starts_as_li: bool = False) -> None:
        counts = (CHANNELS, *(width,) * 4, 1)
        layers: list[nn.Module] = []
        for before, after in pairwise(counts):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU()]
        super().__init__(*layers[:-1])
        if starts_as_li:
            self._hand_li_through()

    @torch.no_grad()
    def _hand_li_through(self) -> None:
        convolutions = [layer for layer in self if isinstance(layer, nn.Conv2d)]
        for number, layer in enumerate(convolutions):
            assert layer.bias is not None
            is_last = number == len(convolutions) - 1
            if is_last:
                layer.weight.mul_(0.1)
            layer.weight[0].zero_()
            layer.weight[0, _LI if number == 0 else 0, 1, 1] = 1
            layer.bias[0] = 0


def channels(image: Tensor, hardened: Tensor, li_image: Tensor, metal: Tensor) -> Tensor:
    """Return the network's input channels, 1/cm, `[slice, channel, y, x]`.

    Metal is replaced by water, and negative values by 0.

    Args:
        image: image with metal, 1/cm, `[slice, y, x]`.
        hardened: image corrected for beam hardening, 1/cm, `[slice, y, x]`.
        li_image: linear interpolation image, 1/cm, `[slice, y, x]`.
        metal: metal mask, bool; the function grows it by one pixel.
    """
    seen = torch.stack([image, hardened, li_image], dim=1).clamp(min=0)
    return torch.where(_grown_cross(metal)[:, None], MU_WATER, seen)


def _grown_cross(metal: Tensor) -> Tensor:
    """Grow a mask by one pixel along rows and columns."""
    solid = metal[:, None].float()
    along = max_pool2d(solid, (3, 1), 1, (1, 0)), max_pool2d(solid, (1, 3), 1, (0, 1))
    return torch.maximum(*along)[:, 0] > 0
