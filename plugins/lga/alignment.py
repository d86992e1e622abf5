"""The network that aligns latent codes of ordinary CT with codes of spectral CT (Han 2025).

It is a U-Net on latent codes. Its residual blocks receive the metal mask, and its transformer blocks
receive the implant type.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, scaled_dot_product_attention

from .blocks import Blocks, double, halve, start_at_zero
from .implants import KINDS
from .settings import Settings

_TOKENS = 4


class Attention(nn.Module):
    """Attention among the positions of a feature map, or from these positions to an implant type's tokens.

    Args:
        channels: number of channels of the feature map.
        context: number of channels of the context.
        heads: number of heads; a divisor of `channels`.
    """

    def __init__(self, channels: int, context: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(channels, channels, bias=False)
        self.key_value = nn.Linear(context, 2 * channels, bias=False)
        self.last = nn.Linear(channels, channels)
        start_at_zero(self.last)

    def forward(self, places: Tensor, context: Tensor) -> Tensor:
        """Compute the change to features that results from attention to a context.

        The features have the shape `[slice, position, channel]`, and the context has the shape
        `[slice, token, channel]`.
        """
        query = self._by_head(self.query(places))
        key, value = (self._by_head(each) for each in self.key_value(context).chunk(2, dim=-1))
        attended = scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        change: Tensor = self.last(attended)
        return change

    def _by_head(self, values: Tensor) -> Tensor:
        """Split channels into heads; return `[slice, head, token, channel of the head]`."""
        slices, tokens, channels = values.shape
        return values.reshape(slices, tokens, self.heads, channels // self.heads).transpose(1, 2)


class TransformerBlock(nn.Module):
    """Transformer block with self-attention, attention to the implant type, and a feed-forward network.

    Args:
        channels: number of channels.
        heads: number of attention heads; a divisor of `channels`.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3))
        self.to_places = Attention(channels, channels, heads)
        self.to_implant = Attention(channels, channels, heads)
        self.tokens = nn.Parameter(torch.randn(len(KINDS), _TOKENS, channels) * 0.02)
        last = nn.Linear(2 * channels, channels)
        start_at_zero(last)
        self.each = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), last)

    def forward(self, features: Tensor, kinds: Tensor) -> Tensor:
        """Compute new feature maps `[slice, channel, y, x]`.

        `kinds`, `[slice]`, contains the implant type of each slice, an index into `implants.KINDS`.
        """
        places = features.flatten(2).transpose(1, 2)
        even = self.norms[0](places)
        places = places + self.to_places(even, even)
        places = places + self.to_implant(self.norms[1](places), self.tokens[kinds].to(places.dtype))
        places = places + self.each(self.norms[2](places))
        changed: Tensor = places.transpose(1, 2).reshape(features.shape)
        return changed


class Alignment(nn.Module):
    """Network that predicts the change from ordinary to spectral latent codes; its initial output is 0.

    Args:
        settings: sizes of the network; all levels except the finest have a transformer block.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        widths, count = settings.alignment_widths, settings.alignment_blocks
        how = {"beside": 1, "has_norm": settings.has_norm}
        self.first = nn.Conv2d(settings.latent + 1, widths[0], 3, padding=1)
        self.levels = nn.ModuleList(Blocks(count, width, **how) for width in widths)
        self.attention = nn.ModuleList(TransformerBlock(width, settings.heads) for width in widths[1:])
        self.down = nn.ModuleList(halve(before, after) for before, after in pairwise(widths))
        self.up = nn.ModuleList(double(below, above) for above, below in pairwise(widths))
        self.joined = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths[:-1])
        self.rising = nn.ModuleList(Blocks(count, width, **how) for width in widths[:-1])
        self.last = nn.Conv2d(widths[0], settings.latent, 3, padding=1)
        start_at_zero(self.last)

    def forward(self, code: Tensor, metal: Tensor, kinds: Tensor) -> Tensor:
        """Predict the change to a latent code.

        Args:
            code: latent code, `[slice, channel, y, x]`; its height and width must be multiples of 2 ** n,
                where n is the number of times that the resolution is halved.
            metal: metal mask of the image, `[slice, 1, y, x]`, 0 to 1.
            kinds: implant type of each slice, an index into `implants.KINDS`, `[slice]`.

        Returns:
            Change to the code, float32, of the same shape.
        """
        masks = [adaptive_avg_pool2d(metal, (code.shape[-2], code.shape[-1]))]
        for _ in self.down:
            masks.append(avg_pool2d(masks[-1], 2))
        features = self.first(torch.cat([code, masks[0].to(code.dtype)], dim=1))
        beside: list[Tensor] = []
        for number, level in enumerate(self.levels):
            if number:
                beside.append(features)
                features = self.down[number - 1](features)
            features = level(features, masks[number])
            if number:
                features = self.attention[number - 1](features, kinds)
        for number in range(len(self.up) - 1, -1, -1):
            wide = torch.cat([beside[number], self.up[number](features)], dim=1)
            features = self.rising[number](self.joined[number](wide), masks[number])
        change: Tensor = self.last(features).float()
        return change
