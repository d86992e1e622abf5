"""Building blocks for fitting metal and its beam hardening to the rays in the metal trace."""

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, pad

from marview.physics.attenuation import MU_WATER
from marview.projection import Projector

_METAL_UNIT, _TISSUE_UNIT = 3.0, 4.0
"""Units of the line integrals of metal and tissue in the fit."""

_ROUNDS = 6
_LIMIT = 2.0
_RIDGE = 1e-6


def metal_sinogram(projector: Projector, mu: Tensor, metal: Tensor) -> Tensor:
    """Return sinograms `[slice, view, bin]` of the metal in an uncorrected image, as attenuation above water.

    Args:
        projector: projector between images and sinograms.
        mu: uncorrected image, 1/cm, `[slice, y, x]`.
        metal: metal mask, bool; the function grows it by one pixel, because metal is blurred.
    """
    around = max_pool2d(metal.float()[:, None], 3, stride=1, padding=1)[:, 0] > 0
    return projector.forward(torch.where(around, (mu - MU_WATER).clamp(min=0), 0.0))


def edges(trace: Tensor) -> Tensor:
    """Return the first and the last bin of each segment of a metal trace, bool, `[slice, view, bin]`."""
    inner = trace[..., 1:-1] & trace[..., :-2] & trace[..., 2:]
    return trace & ~pad(inner, (1, 1))


def terms_of(metal: Tensor, base: Tensor, trace: Tensor) -> Tensor:
    """Return the terms of a linear model of beam hardening and photon starvation, `[ray, term]`.

    Args:
        metal: line integrals of the metal, from `metal_sinogram`, `[view, bin]`.
        base: a completion of the sinogram, line integrals, `[view, bin]`.
        trace: metal trace, bool, `[view, bin]`; the terms are computed for its rays.
    """
    m, b, edge = metal[trace] / _METAL_UNIT, base[trace] / _TISSUE_UNIT, edges(trace)[trace].to(metal.dtype)
    return torch.stack([m, m**2, m**3, m * b, m**2 * b, m * b**2, edge * m, edge * m**2], dim=-1).double()


def slopes_of(metal: Tensor, base: Tensor, trace: Tensor) -> Tensor:
    """Return the terms for the effect of averaging photons over neighbouring rays, `[ray, term]`.

    A detector bin collects the photons of several rays. If these rays cross different amounts of metal, the
    line integral of the bin is too small. The arguments are the same as for `terms_of`.
    """
    steep = (pad((metal[..., 2:] - metal[..., :-2]) / 2, (1, 1)))[trace].double().square()
    m, b = metal[trace] / _METAL_UNIT, base[trace] / _TISSUE_UNIT
    return torch.stack([steep, steep * m, steep * b], dim=-1)


def factors_of(values: Tensor, terms: Tensor) -> Tensor:
    """Return the factors of a Cauchy-weighted linear fit of terms `[ray, term]` to values `[ray]`."""
    sizes = terms.square().mean(dim=0).sqrt().clamp(min=1e-9)
    scaled = terms / sizes
    ridge = _RIDGE * len(values) * torch.eye(terms.shape[1], dtype=terms.dtype, device=terms.device)
    weights, factors = torch.ones_like(values), torch.zeros_like(sizes)
    for _ in range(_ROUNDS):
        weighted = scaled * weights[:, None]
        factors = torch.linalg.solve(weighted.T @ scaled + ridge, weighted.T @ values)
        left = values - scaled @ factors
        weights = 1 / (1 + (left / (_LIMIT * 1.48 * left.abs().median() + 1e-9)).square())
    return factors / sizes
