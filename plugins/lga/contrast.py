"""Contrastive encoders, which extract features common to ordinary and spectral codes (Han 2025)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

_TEMPERATURE = 0.1


class ContrastiveEncoder(nn.Sequential):
    """Encoder with four 3 x 3 convolutions; the second and the third halve the resolution.

    Args:
        latent: number of channels of a code.
        width: number of channels of the first layer; the other layers have twice as many.
    """

    def __init__(self, latent: int, width: int) -> None:
        layers: list[nn.Module] = []
        counts = (latent, width, 2 * width, 2 * width, 2 * width)
        for number, (before, after) in enumerate(pairwise(counts)):
            layers += [nn.Conv2d(before, after, 3, stride=2 if number in {1, 2} else 1, padding=1), nn.SiLU()]
        super().__init__(*layers[:-1])


def contrast(ordinary: Tensor, spectral: Tensor) -> Tensor:
    """Compute the contrastive loss for matching the ordinary and spectral features of each slice.

    The loss is InfoNCE (van den Oord 2018): the cross entropy of finding each slice's counterpart in the
    batch. Equation 11 of the paper is not used, because it has no lower bound.

    Args:
        ordinary: feature maps of `ContrastiveEncoder`, `[slice, channel, y, x]`.
        spectral: feature maps of the same slices, in the same order.
    """
    first, second = (normalize(each.float().mean(dim=(2, 3)), dim=1) for each in (ordinary, spectral))
    alike = first @ second.T / _TEMPERATURE
    own = torch.arange(len(alike), device=alike.device)
    return (cross_entropy(alike, own) + cross_entropy(alike.T, own)) / 2
