"""U-Net for image-domain methods, with four downsampling steps, bilinear upsampling and batch normalisation."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

MULTIPLE = 16
"""Rows and columns are padded to a multiple of this, because they are halved four times."""


class UNet(nn.Module):
    """U-Net with bilinear upsampling for image-domain methods.

    The number of channels is `base` times 1, 2, 4, 8, 8 on the way down and 4, 2, 1, 1 on the way up. The
    two deepest levels have the same number of channels, because bilinear upsampling does not change it.
    Every level has two 3 x 3 convolutions. With two input channels and one output channel, the network has
    13,394,753 parameters at base 64 and 3,351,969 at base 32, like the image networks of DuDoNet (Lin 2019)
    and deep sinogram completion (Yu 2021).

    Attributes:
        last: the last convolution layer.
    """

    def __init__(
        self, inputs: int = 2, outputs: int = 1, base: int = 64, *, has_norm: bool = True, starts_at_zero: bool = False
    ) -> None:
        """Build the network with random weights.

        Args:
            inputs: number of input channels.
            outputs: number of output channels.
            base: number of channels of the first level.
            has_norm: whether batch normalization follows every convolution but the last; with batches of one slice,
                networks learn better without it.
            starts_at_zero: whether the last convolution starts at zero, so that a residual network starts as the
                identity.
        """
        super().__init__()
        down = [base, 2 * base, 4 * base, 8 * base, 8 * base]
        up = [4 * base, 2 * base, base, base]
        self.first = _two_convolutions(inputs, down[0], has_norm)
        self.down = nn.ModuleList(_two_convolutions(before, after, has_norm) for before, after in pairwise(down))
        beside = down[-2::-1]
        below = [down[-1], *up]
        self.up = nn.ModuleList(
            _two_convolutions(skip + deep, after, has_norm)
            for skip, deep, after in zip(beside, below[:-1], up, strict=True)
        )
        self.last = nn.Conv2d(base, outputs, 1)
        if starts_at_zero:
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> Tensor:
        """Map images `[slice, channel, y, x]` of any size to the output, `[slice, output, y, x]`."""
        rows, columns = image.shape[-2:]
        features = self.first(pad(image, (0, -columns % MULTIPLE, 0, -rows % MULTIPLE), mode="replicate"))
        beside = [features]
        for level in self.down:
            features = level(nn.functional.max_pool2d(features, 2))
            beside.append(features)
        beside.pop()
        for level in self.up:
            larger = interpolate(features, scale_factor=2, mode="bilinear", align_corners=True)
            features = level(torch.cat([beside.pop(), larger], dim=1))
        result: Tensor = self.last(features)
        return result[..., :rows, :columns]


def _two_convolutions(inputs: int, outputs: int, has_norm: bool) -> nn.Sequential:  # noqa: FBT001
    layers: list[nn.Module] = []
    for before in (inputs, outputs):
        layers.append(nn.Conv2d(before, outputs, 3, padding=1))
        if has_norm:
            layers.append(nn.BatchNorm2d(outputs))
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
