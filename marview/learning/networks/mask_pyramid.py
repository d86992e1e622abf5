"""Mask-pyramid U-Net for sinograms, which receives the metal trace at the resolution of every level."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu, relu

from marview.projection import Projector

DEPTH = 5
MULTIPLE = 2**DEPTH
"""Views and bins are padded to a multiple of this, because they are halved five times."""

_LINE_INTEGRAL = 4.0
_FIELD_MM = 153.6
"""Edge of the field of view in the published protocol, in mm: 416 pixels of 0.369 mm."""


def line_unit(projector: Projector) -> float:
    """Return the line integral that sinogram networks scale to 1.

    The value is 4 for the published field of view of 15.36 cm, and it is proportional to the field of view.
    Line integrals of a body that fills the image therefore have similar scaled values for all body sizes.
    """
    return _LINE_INTEGRAL * projector.pixel_mm * max(projector.shape) / _FIELD_MM


class MaskPyramidUNet(nn.Module):
    """U-Net used as SE-Net in DuDoNet (Lin 2019, table 4) and SinoNet in deep sinogram completion (Yu 2021).

    The network has 12,439,498 parameters at base 64. The contracting path has 4 x 4 convolutions of stride 2 with 1, 2,
    4, 8 and 8 times `base` channels, and LeakyReLU(0.2) after all but the first. The expanding path has
    nearest-neighbour upsampling and 3 x 3 convolutions with 8, 4, 2 and 1 times `base` channels, followed by
    a convolution with one channel, and ReLU after all but the last. The averaged trace is an additional
    channel at every level. The network does not use normalisation.

    Attributes:
        last: the last convolution layer.
    """

    def __init__(self, base: int = 64, *, has_pyramid: bool = True, starts_at_zero: bool = False) -> None:
        """Build the network with random weights.

        Args:
            base: number of channels of the first level.
            has_pyramid: whether every level receives the trace; otherwise only the input does.
            starts_at_zero: whether the last convolution starts at zero, so that a residual network starts as the
                identity.
        """
        super().__init__()
        self.has_pyramid = has_pyramid
        mask = int(has_pyramid)
        down = [base, 2 * base, 4 * base, 8 * base, 8 * base]
        up = [8 * base, 4 * base, 2 * base, base]
        entering = [2, *(width + mask for width in down[:-1])]
        self.down = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in zip(entering, down, strict=True)
        )
        rising = [down[-1] + mask, *(wide + skip + mask for wide, skip in zip(up[:-1], down[-2:0:-1], strict=True))]
        self.up = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in zip(rising, up, strict=True)
        )
        self.last = nn.Conv2d(up[-1] + down[0] + mask, 1, 3, padding=1)
        if starts_at_zero:
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, sinogram: Tensor, trace: Tensor) -> Tensor:
        """Complete a sinogram `[slice, view, bin]` of any size, given its metal trace (bool or 0 to 1).

        The sinogram is padded cyclically along the views, and by reflection along the bins.
        """
        views, bins = sinogram.shape[-2:]
        planes = torch.stack([sinogram, trace.to(sinogram.dtype)], dim=1)
        planes = _to_multiple(planes)
        mask = planes[:, 1:]
        features, beside = planes, []
        for number, level in enumerate(self.down):
            features = level(features)
            features = leaky_relu(features, 0.2, inplace=True) if number else features
            if self.has_pyramid:
                mask = avg_pool2d(mask, 2)
                features = torch.cat([features, mask], dim=1)
            beside.append(features)
        beside.pop()
        for level in self.up:
            features = relu(level(_twice(features)), inplace=True)
            features = torch.cat([features, beside.pop()], dim=1)
        result: Tensor = self.last(_twice(features))
        return result[:, 0, :views, :bins]


def _twice(features: Tensor) -> Tensor:
    return interpolate(features, scale_factor=2, mode="nearest")


def _to_multiple(planes: Tensor) -> Tensor:
    views, bins = planes.shape[-2:]
    if views % MULTIPLE:
        planes = planes.index_select(-2, torch.arange(views + -views % MULTIPLE, device=planes.device) % views)
    if bins % MULTIPLE:
        turn = max(bins - 1, 1)
        place = torch.arange(bins + -bins % MULTIPLE, device=planes.device)
        planes = planes.index_select(-1, turn - (turn - place % (2 * turn)).abs())
    return planes
