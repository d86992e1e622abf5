"""The network that estimates the image without metal."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle, silu

from marview.learning.networks.start import channels_last

from .planes import COMPLETED, PLANES
from .settings import Settings

_SQUARE = 2


class PriorNetwork(nn.Module):
    """U-Net with residual blocks that maps the image of a completed sinogram to a metal-free estimate.

    Each square of 2 x 2 pixels is rearranged into input channels. The last layer starts at zero, so the
    untrained network changes nothing.

    Attributes:
        settings: settings of the network.
        fold: the network pads image sizes to multiples of this number.
    """

    def __init__(self, settings: Settings) -> None:
        """Build the network with random weights."""
        super().__init__()
        self.settings = settings
        widths, blocks = settings.widths, settings.blocks
        self.fold = _SQUARE * 2 ** (len(widths) - 1)
        self.enter = nn.Conv2d(PLANES * _SQUARE**2, widths[0], 3, padding=1)
        self.down = nn.ModuleList(_level(width, count) for width, count in zip(widths, blocks, strict=True))
        self.coarser = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(widths))
        self.finer = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in pairwise(widths))
        self.up = nn.ModuleList(_level(width, count) for width, count in zip(widths[:-1], blocks[:-1], strict=True))
        self.leave = nn.Conv2d(widths[0], _SQUARE**2, 3, padding=1)
        _start_at_zero(self.leave)
        channels_last(self)

    def forward(self, planes: Tensor) -> Tensor:
        """Estimate the image without metal, in the units of the planes, `[slice, y, x]`.

        Args:
            planes: input planes (`planes.py`), `[slice, plane, y, x]`.
        """
        rows, columns = planes.shape[-2:]
        wide = pad(planes, (0, -columns % self.fold, 0, -rows % self.fold), mode="replicate")
        features = self.enter(pixel_unshuffle(wide, _SQUARE).contiguous(memory_format=torch.channels_last))
        fine: list[Tensor] = []
        for number, level in enumerate(self.down):
            features = level(features)
            if number < len(self.coarser):
                fine.append(features)
                features = self.coarser[number](features)
        for number in reversed(range(len(self.up))):
            features = self.up[number](fine[number] + self.finer[number](features))
        change = pixel_shuffle(self.leave(features), _SQUARE)[:, 0, :rows, :columns]
        estimate: Tensor = planes[:, COMPLETED] + change.float()
        return estimate


class _Block(nn.Module):
    """Two convolutions whose output, at first zero, is added to the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        _start_at_zero(self.second)

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = features + self.second(silu(self.first(silu(features))))
        return changed


def _level(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(width) for _ in range(count)))


def _start_at_zero(layer: nn.Conv2d) -> None:
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
