"""Complete the metal trace with the sinogram of a prior image."""

import torch
from torch import Tensor

from marview.projection import Projector, fill_linear


def hidden_share(projector: Projector, trace: Tensor) -> Tensor:
    """Compute the fraction of each pixel's rays that lie in the metal trace, 0 to 1, `[slice, y, x]`.

    Args:
        projector: projector between images and sinograms.
        trace: metal trace, bool, `[slice, view, bin]`.
    """
    hits = projector.adjoint(torch.cat([trace.float(), torch.ones_like(trace[:1], dtype=torch.float32)]))
    return hits[:-1] / hits[-1:].clamp(min=1e-6)


def interpolate_with_prior(sinogram: Tensor, prior_sinogram: Tensor, trace: Tensor) -> Tensor:
    """Interpolate the measured minus the prior sinogram across the trace, and add the prior sinogram back.

    The result continues the measured data without a step (Zhang and Yu 2018, equation 9).

    Args:
        sinogram: measured line integrals, `[slice, view, bin]`.
        prior_sinogram: line integrals of the prior image, `[slice, view, bin]`.
        trace: metal trace, bool, `[slice, view, bin]`.

    Returns:
        Line integrals, `[slice, view, bin]`; outside the trace, they equal the measured line integrals up
        to rounding.
    """
    return prior_sinogram + fill_linear(sinogram - prior_sinogram, trace)


def compose(completed: Tensor, sinogram: Tensor, trace: Tensor) -> Tensor:
    """Return completed values inside the trace and measured values outside it, `[slice, view, bin]`."""
    return torch.where(trace, completed, sinogram)


def complete_with_prior(sinogram: Tensor, prior_sinogram: Tensor, trace: Tensor) -> Tensor:
    """Complete the trace with the prior's sinogram; line integrals outside the trace remain as measured.

    The arguments are the same as for `interpolate_with_prior`.
    """
    return compose(interpolate_with_prior(sinogram, prior_sinogram, trace), sinogram, trace)


def grown(metal: Tensor) -> Tensor:
    """Grow a metal mask by one pixel along rows and columns, bool `[slice, y, x]`."""
    result = metal.clone()
    result[:, 1:] |= metal[:, :-1]
    result[:, :-1] |= metal[:, 1:]
    result[:, :, 1:] |= metal[:, :, :-1]
    result[:, :, :-1] |= metal[:, :, 1:]
    return result
