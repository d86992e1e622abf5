"""Noise of counted photons."""

import torch
from torch import Tensor


def count_photons(line_integrals: Tensor, photons: float, scatter: float, generator: torch.Generator | None) -> Tensor:
    """Return line integrals with the noise of counted photons, of the same shape.

    n ~ Poisson(round(photons exp(-p)) + scatter), at least 1; p = -log(n / photons).

    Args:
        line_integrals: without unit.
        photons: per ray in air.
        scatter: photons every ray receives besides.
        generator: random generator; None for the expected number.
    """
    expected = torch.round(photons * torch.exp(-line_integrals)) + scatter
    counted = expected if generator is None else torch.poisson(expected, generator=generator)
    return -torch.log(counted.clamp(min=1) / photons)
