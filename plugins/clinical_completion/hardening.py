"""Separate missing tissue from beam hardening on rays through metal.

A direct fit of beam hardening to the rays through metal also removes tissue that is missing from the
completed sinogram, because the bone around a screw lies on the same rays as the screw. In the sinogram,
however, metal has sharp edges and tissue is smooth. Before a second fit, the mean of the surrounding
rays is therefore subtracted from each ray, which cancels out most of the missing tissue. This fit, in
turn, mistakes errors at the edges of the metal for beam hardening, so the network receives the residual
images of both fits.
"""

from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from marview.physics import material, spectrum
from marview.physics.polychromatic import WaterCorrection, polychromatic, water_correction

from .hardening_fit import factors_of, slopes_of, terms_of
from .shown import Shown

_ALLOY = "ti6al4v"
_WINDOW = 31
"""Size, in views and bins, of the window of the second fit."""

_TRUST = 1.2
"""Factor on the residual that compensates for the weights below, which are less than 1 for all rays."""

_STARVED = 8.5
_MUCH_METAL = 3.0
"""Line integrals of the ray and of its metal at which the weight is one half, because photon-starved rays contain no
tissue signal."""

_TUBE_KV = 120


def residuals(shown: Shown, base: Tensor) -> tuple[Tensor, Tensor]:
    """Estimate the tissue that is missing from a completion: measured rays minus completion, metal and hardening.

    Beam hardening is fitted twice: directly to the rays, and to the difference between each ray and the mean of
    the surrounding rays. The residual of each fit has the shape `[1, view, bin]` and is 0 outside the trace.
    Photon-starved rays and rays through much metal are weighted less.

    Args:
        shown: data of the slice.
        base: completed sinogram, line integrals, `[1, view, bin]`.
    """
    raw = (shown.sinogram - shown.metal - base)[shown.trace].double()
    terms = _terms(shown, base)
    sharp = _sharp(torch.cat([terms, raw[:, None]], dim=1), shown.trace[0])
    trust = _trust(shown)
    plain, sharper = (
        _on_rays(raw - terms @ factors, shown.trace) * trust
        for factors in (factors_of(raw, terms), factors_of(sharp[:, -1], sharp[:, :-1]))
    )
    return plain, sharper


def _trust(shown: Shown) -> Tensor:
    """Return the weight of each ray, `[1, view, bin]`."""
    light = 1 / (1 + torch.exp((shown.sinogram - _STARVED).clamp(max=20)))
    return _TRUST * light / (1 + (shown.metal / _MUCH_METAL) ** 4)


def _terms(shown: Shown, base: Tensor) -> Tensor:
    """Return the terms of both fits, `[ray, term]`."""
    metal, tissue, trace = shown.metal[0], base[0], shown.trace[0]
    length = shown.projector.forward(shown.mask.float() * material(_ALLOY).mu)[0]  # as if all metal were titanium
    titanium = _added_by_titanium(length[trace], tissue[trace].clamp(min=0)).double()[:, None]
    return torch.cat([terms_of(metal, tissue, trace), slopes_of(metal, tissue, trace), titanium, titanium**2], dim=-1)


def _added_by_titanium(titanium: Tensor, water: Tensor) -> Tensor:
    """Compute the contribution of titanium, `[ray]`, to the line integrals of a scanner with water correction.

    Args:
        titanium: line integrals at 70 keV.
        water: line integrals of the tissue, of the same shape.
    """
    both, correction = (material("water"), material(_ALLOY)), _correction()

    def seen(metal: Tensor) -> Tensor:
        return correction(polychromatic(torch.stack([water, metal]), both, spectrum(_TUBE_KV)))

    return seen(titanium) - seen(torch.zeros_like(titanium))


@cache
def _correction() -> WaterCorrection:
    return water_correction(material("water"), spectrum(_TUBE_KV))


def _sharp(values: Tensor, trace: Tensor) -> Tensor:
    """Subtract the mean over the rays of the trace in the window around each ray; `[ray, term]`.

    Args:
        values: values of the rays in the trace, `[ray, term]`.
        trace: metal trace, bool, `[view, bin]`.
    """
    planes = torch.zeros(values.shape[1] + 1, *trace.shape, dtype=torch.float64, device=values.device)
    planes[:-1, trace] = values.T
    planes[-1] = trace
    reach = _WINDOW // 2
    bins = pad(planes, (reach + 1, reach)).cumsum(dim=2)
    along_bins = bins[..., _WINDOW:] - bins[..., :-_WINDOW]
    views = pad(along_bins[None], (0, 0, reach + 1, reach), mode="circular")[0].cumsum(dim=1)
    sums = views[:, _WINDOW:] - views[:, :-_WINDOW]
    return values - (sums[:-1, trace] / sums[-1, trace]).T


def _on_rays(values: Tensor, trace: Tensor) -> Tensor:
    """Return a sinogram with values `[ray]` on the rays of a trace and 0 elsewhere, `[1, view, bin]`."""
    placed = torch.zeros(trace.shape, device=values.device)
    placed[trace] = values.float()
    return placed
