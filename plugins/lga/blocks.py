"""Layers used by both the autoencoder and the alignment network."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

_GROUPS = 32


class ResidualBlock(nn.Module):
    """Residual block with two 3 x 3 convolutions.

    The weights of the second convolution start at zero, so a new block changes nothing.

    Args:
        channels: number of channels.
        beside: number of additional input channels of the first convolution, for example for the metal mask.
        has_norm: whether group normalisation precedes each convolution.
    """

    def __init__(self, channels: int, *, beside: int = 0, has_norm: bool) -> None:
        super().__init__()
        self.norms = nn.ModuleList(norm(channels, has_norm=has_norm) for _ in range(2))
        self.first = nn.Conv2d(channels + beside, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        start_at_zero(self.second)

    def forward(self, features: Tensor, beside: Tensor | None = None) -> Tensor:
        """Compute new feature maps `[slice, channel, y, x]`."""
        inner = silu(self.norms[0](features))
        inner = self.first(inner if beside is None else torch.cat([inner, beside.to(inner.dtype)], dim=1))
        changed: Tensor = features + self.second(silu(self.norms[1](inner)))
        return changed


class Blocks(nn.ModuleList):
    """Sequence of residual blocks; keyword arguments are passed to `ResidualBlock`."""

    def __init__(self, count: int, channels: int, **how: Any) -> None:
        super().__init__(ResidualBlock(channels, **how) for _ in range(count))

    def forward(self, features: Tensor, beside: Tensor | None = None) -> Tensor:
        """Compute new feature maps `[slice, channel, y, x]`."""
        for block in self:
            features = block(features, beside)
        return features


def norm(channels: int, *, has_norm: bool) -> nn.Module:
    """Return a group normalisation layer with up to 32 groups, or an identity layer."""
    return (
        nn.GroupNorm(next(n for n in range(_GROUPS, 0, -1) if channels % n == 0), channels)
        if has_norm
        else nn.Identity()
    )


def halve(before: int, after: int) -> nn.Module:
    """Return a convolution that halves the resolution."""
    return nn.Conv2d(before, after, 3, stride=2, padding=1)


def double(before: int, after: int) -> nn.Module:
    """Return a layer that doubles the resolution and then applies a convolution."""
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, padding=1))


def start_at_zero(layer: nn.Conv2d | nn.Linear) -> None:
    """Initialise a layer so that its output is zero."""
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)


def exact(layer: nn.Module, values: Tensor) -> Tensor:
    """Apply a layer in float32, even if the network computes in bfloat16."""
    with torch.autocast(values.device.type, enabled=False):
        result: Tensor = layer(values.float())
    return result
