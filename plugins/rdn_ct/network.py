"""The residual dense network (Zhang 2018) without upsampling, as in the DuDoNet paper (Lin 2019)."""

import torch
from torch import Tensor, nn

from .settings import Settings


class DenseBlock(nn.Module):
    """Dense block: each convolution receives all earlier feature maps.

    The fused output is added to the input.
    """

    def __init__(self, features: int, growth: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(features + number * growth, growth, 3, padding=1) for number in range(layers)
        )
        self.fusion = nn.Conv2d(features + layers * growth, features, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return feature maps of the same shape."""
        seen = features
        for layer in self.layers:
            seen = torch.cat([seen, torch.relu(layer(seen))], dim=1)
        fused: Tensor = self.fusion(seen)
        return features + fused


class RdnCt(nn.Module):
    """Network that corrects an image `[slice, 1, y, x]` in the unit of `marview.methods.image_domain`.

    At the size used in the paper, it has 13,761,537 parameters.

    Attributes:
        fold: number that must divide the height and width of images.
    """

    fold = 1

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        features = settings.features
        self.shallow, self.first = nn.Conv2d(1, features, 3, padding=1), nn.Conv2d(features, features, 3, padding=1)
        self.blocks = nn.ModuleList(
            DenseBlock(features, settings.growth, settings.layers) for _ in range(settings.blocks)
        )
        self.fusion = nn.Sequential(
            nn.Conv2d(settings.blocks * features, features, 1), nn.Conv2d(features, features, 3, padding=1)
        )
        self.last = nn.Conv2d(features, 1, 3, padding=1)
        self.is_residual = settings.is_residual
        if settings.is_residual:
            nn.init.zeros_(self.last.weight)
            assert self.last.bias is not None
            nn.init.zeros_(self.last.bias)

    def forward(self, image: Tensor) -> Tensor:
        """Remove artifacts from an image, `[slice, 1, y, x]`."""
        shallow = self.shallow(image)
        features, found = self.first(shallow), []
        for block in self.blocks:
            features = block(features)
            found.append(features)
        made: Tensor = self.last(shallow + self.fusion(torch.cat(found, dim=1)))
        return image + made if self.is_residual else made
