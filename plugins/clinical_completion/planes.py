"""Input planes of the network for each slice: images from completed sinograms and from rays through metal."""

import torch
from torch import Tensor

from marview.methods.api import MarCase
from marview.methods.trace_completion import hidden_share
from marview.physics.attenuation import MU_WATER

from .hardening import residuals
from .shown import Shown

COMPLETED, PRIOR, INTERPOLATED, UNCORRECTED, PLAIN, SHARP, METAL, HIDDEN = range(8)
"""Indices of the planes: the image of the completed sinogram, its prior, the image of linear interpolation, the
uncorrected image, the images of both residuals of the rays through metal, the metal mask, and the fraction of each
pixel's rays in the metal trace."""

PLANES = 8

MOST = 2.5
"""Upper end of the planes of corrected images, 2500 HU, in the unit of `to_unit`."""

_IMAGES, _UNCORRECTED, _RESIDUALS = (-1.5, MOST), (-2.5, 3.5), (-1.5, 1.5)
"""Range of each kind of plane, in the unit of `to_unit`."""


def to_unit(mu: Tensor) -> Tensor:
    """Convert attenuation in 1/cm to the unit of the planes: HU divided by 1000."""
    return mu / MU_WATER - 1


def to_mu(unit: Tensor) -> Tensor:
    """Convert the unit of the planes to attenuation in 1/cm."""
    return (unit + 1) * MU_WATER


def fixed_planes(case: MarCase) -> Tensor:
    """Compute the input planes of slices, `[slice, plane, y, x]`.

    The planes that `planes_of` adds later are set to 0.
    """
    planes = torch.zeros(len(case.hu), PLANES, *case.hu.shape[-2:], device=case.hu.device)
    planes[:, INTERPOLATED] = to_unit(case.reconstruct(case.li_sinogram)).clamp(*_IMAGES)
    planes[:, UNCORRECTED] = to_unit(case.mu).clamp(*_UNCORRECTED)
    planes[:, METAL] = case.metal
    planes[:, HIDDEN] = hidden_share(case.projector, case.trace)
    return planes


def planes_of(fixed: Tensor, shown: Shown, prior: Tensor, completed: Tensor) -> Tensor:
    """Return all planes of a slice, `[1, plane, y, x]`.

    Args:
        fixed: planes of the slice from `fixed_planes`, `[1, plane, y, x]`.
        shown: data of the slice.
        prior: prior image of the completion, 1/cm, `[1, y, x]`.
        completed: completed sinogram, line integrals, `[1, view, bin]`.
    """
    result = fixed.clone()
    left = torch.cat(residuals(shown, completed))
    result[0, [PLAIN, SHARP]] = (shown.projector.fbp(left) / MU_WATER).clamp(*_RESIDUALS)
    result[:, COMPLETED] = to_unit(shown.reconstruct(completed)).clamp(*_IMAGES)
    result[:, PRIOR] = to_unit(prior).clamp(*_IMAGES)
    return result
