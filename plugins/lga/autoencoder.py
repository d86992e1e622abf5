"""The variational autoencoder for ordinary and spectral CT (AR-VAE of Han 2025).

It has one encoder and two decoders. Images are in the network's unit, which maps -1000 to 3000 HU
to the range -1 to 1.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle, silu

from .blocks import Blocks, double, exact, halve, norm, start_at_zero
from .settings import Settings

_LEAST_LOG_VARIANCE, _MOST_LOG_VARIANCE = -30.0, 10.0
_FIRST_LOG_VARIANCE = -16.0
"""Initial standard deviation of codes in a linear autoencoder, which adds noise of 2 HU to the decoded image."""


class Encoder(nn.Module):
    """Encoder for a slice and its neighbours.

    Args:
        settings: sizes of the networks.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        widths, how = settings.widths, {"has_norm": settings.has_norm}
        self.fold, self.latent = settings.fold, settings.latent
        self.first = nn.Conv2d(settings.slices * settings.fold**2, widths[0], 3, padding=1)
        self.levels = nn.ModuleList(Blocks(settings.blocks, width, **how) for width in widths)
        self.down = nn.ModuleList(halve(before, after) for before, after in pairwise(widths))
        self.norm = norm(widths[-1], **how)
        self.last = nn.Conv2d(widths[-1], 2 * settings.latent, 3, padding=1)
        self.linear: nn.Module | None = None
        if settings.starts_linear:
            self.linear = nn.Conv2d(1, settings.latent, settings.scale, stride=settings.scale, bias=False)
            self.linear.weight.data = cosines(settings.scale, settings.latent) / settings.scale
            start_at_zero(self.last)
            assert self.last.bias is not None
            self.last.bias.data[settings.latent :] = _FIRST_LOG_VARIANCE

    def forward(self, volume: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the mean and log variance of a latent code.

        Args:
            volume: slices with their neighbours, `[slice, neighbour, y, x]`.

        Returns:
            Two tensors `[slice, channel, y / scale, x / scale]`, float32.
        """
        features = self.first(pixel_unshuffle(volume, self.fold))
        for number, level in enumerate(self.levels):
            features = level(features if not number else self.down[number - 1](features))
        mean, log_variance = self.last(silu(self.norm(features))).float().chunk(2, dim=1)
        if self.linear is not None:
            middle = volume.shape[1] // 2
            mean = mean + exact(self.linear, volume[:, middle : middle + 1])
        return mean, log_variance.clamp(_LEAST_LOG_VARIANCE, _MOST_LOG_VARIANCE)


class Decoder(nn.Module):
    """Decoder that converts a latent code to an image.

    Args:
        settings: sizes of the networks.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        widths, how = settings.widths[::-1], {"has_norm": settings.has_norm}
        self.fold = settings.fold
        self.first = nn.Conv2d(settings.latent, widths[0], 3, padding=1)
        self.levels = nn.ModuleList(Blocks(settings.blocks, width, **how) for width in widths)
        self.up = nn.ModuleList(double(before, after) for before, after in pairwise(widths))
        self.norm = norm(widths[-1], **how)
        self.last = nn.Conv2d(widths[-1], settings.fold**2, 3, padding=1)
        self.linear: nn.Module | None = None
        if settings.starts_linear:
            self.linear = nn.ConvTranspose2d(settings.latent, 1, settings.scale, stride=settings.scale, bias=False)
            self.linear.weight.data = cosines(settings.scale, settings.latent) * settings.scale
            start_at_zero(self.last)

    def forward(self, code: Tensor) -> Tensor:
        """Decode a code `[slice, channel, y / scale, x / scale]` to an image `[slice, 1, y, x]`, float32."""
        features = self.first(code)
        for number, level in enumerate(self.levels):
            features = level(features if not number else self.up[number - 1](features))
        image: Tensor = pixel_shuffle(self.last(silu(self.norm(features))).float(), self.fold)
        return image if self.linear is None else image + exact(self.linear, code)


def drawn(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Draw a code from the normal distribution with the given mean and log variance."""
    return mean + torch.randn_like(mean) * (log_variance / 2).exp()


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the mean Kullback-Leibler divergence of codes from the standard normal distribution."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).mean() / 2


def cosines(edge: int, count: int) -> Tensor:
    """Return the lowest-frequency basis functions of the discrete cosine transform, with unit norm.

    Args:
        edge: edge length of the functions in pixels.
        count: number of functions, at most edge x edge.

    Returns:
        Basis functions, `[function, 1, y, x]`, starting with the constant.
    """
    places = (torch.arange(edge) + 0.5) / edge
    rows = torch.stack([torch.cos(math.pi * n * places) * math.sqrt((2 if n else 1) / edge) for n in range(edge)])
    order = sorted(
        ((u, v) for u in range(edge) for v in range(edge)), key=lambda each: (each[0] ** 2 + each[1] ** 2, each)
    )
    return torch.stack([torch.outer(rows[u], rows[v]) for u, v in order[:count]])[:, None]
