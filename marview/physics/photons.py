"""Simulate photon noise."""

import torch
from torch import Tensor


def count_photons(line_integrals: Tensor, photons: float, scatter: float, generator: torch.Generator | None) -> Tensor:
    """Add photon noise to line integrals, and return an array of the same shape.

    The number of photons along a ray with the line integral p is n ~ Poisson(round(photons exp(-p)) + scatter), but at
    least 1. The result is -log(n / photons).

    Args:
        line_integrals: unitless line integrals, of any shape.
        photons: number of photons per ray in air.
        scatter: number of additional scattered photons per ray.
        generator: random generator; None for the expected number of photons, without noise.
    """
    expected = torch.round(photons * torch.exp(-line_integrals)) + scatter
    counted = expected if generator is None else torch.poisson(expected, generator=generator)
    return -torch.log(counted.clamp(min=1) / photons)
