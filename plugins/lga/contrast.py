"""Contrastive encoders of the information that codes of ordinary and spectral CT share (Han 2025)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

_TEMPERATURE = 0.1


class ContrastiveEncoder(nn.Sequential):
    """Four convolutions of 3 x 3; the second and the third halve the resolution.

    Args:
        latent: channels of a code.
        width: channels of the first layer; the others have twice as many.
    """

    def __init__(self, latent: int, width: int) -> None:
        layers: list[nn.Module] = []
        counts = (latent, width, 2 * width, 2 * width, 2 * width)
        for number, (before, after) in enumerate(pairwise(counts)):
            layers += [nn.Conv2d(before, after, 3, stride=2 if number in {1, 2} else 1, padding=1), nn.SiLU()]
        super().__init__(*layers[:-1])


def contrast(ordinary: Tensor, spectral: Tensor) -> Tensor:
    """Return the cross entropy of finding the spectral code of each slice among all spectral codes, and conversely.

    Equation 11 of the paper has no lower bound; this loss has one (InfoNCE, van den Oord 2018).

    Args:
        ordinary: feature maps of `ContrastiveEncoder`, `[slice, channel, y, x]`.
        spectral: feature maps of the same slices, in the same order.
    """
    first, second = (normalize(each.float().mean(dim=(2, 3)), dim=1) for each in (ordinary, spectral))
    alike = first @ second.T / _TEMPERATURE
    own = torch.arange(len(alike), device=alike.device)
    return (cross_entropy(alike, own) + cross_entropy(alike.T, own)) / 2
