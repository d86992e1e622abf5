"""Complete the metal trace in rounds: an image separates tissue from metal on the rays, which improve the image."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from skimage.restoration import denoise_tv_chambolle
from torch import Tensor

from marview.methods.trace_completion import complete_with_prior, grown
from marview.physics.attenuation import MU_WATER

from .hardening import without_hardening
from .shown import Shown
from .trace_signal import remainder, strength

_BELIEVED = (0.6, 0.5, 0.4, 0.3, 0.3)
_BELIEVED_OF_LIGHT = _BELIEVED[:4]
"""Fraction of the residual that each round attributes to tissue. It decreases, because with a better prior more of the
residual is noise. Beside light metal, less tissue is mistaken for beam hardening, so fewer rounds are needed."""

_TRUST = 1.2
"""Factor on the residual that compensates for the weights below, which are less than 1 for all rays."""

_STARVED = 8.5
_MUCH_METAL = 3.0
"""Line integrals of the ray and of its metal at which the weight is one half, because photon-starved rays contain no
tissue signal."""

_SMOOTHING = 0.1
"""Weight of the total variation, 1/cm, which removes streaks and noise but preserves cortical bone."""

_ITERATIONS = 60
_DENSEST = 0.6
"""Upper limit of a prior, 1/cm: 2100 HU, cortical bone."""


@dataclass(frozen=True, eq=False)
class Reading:
    """The result of the rounds in a slice.

    Attributes:
        completed: completed sinogram, `[1, view, bin]`.
        explained: fraction of the residual's energy that the image explains, 0 to 1. An image can explain missing
            tissue, but not photon starvation.
    """

    completed: Tensor
    explained: float


def read_in_rounds(shown: Shown, prior: Tensor, pause: Callable[[], None] = lambda: None, *, light: bool) -> Reading:
    """Complete the metal trace of a slice with the tissue that the rays through metal show.

    Each round completes the sinogram with a prior, adds a fraction of the residual, reconstructs the image and smooths
    it to the next prior. The result is the round with the smallest residual, because later rounds add noise.

    Args:
        shown: data of the slice.
        prior: initial image, 1/cm, `[1, y, x]`.
        pause: function called between the steps, so that a run can be cancelled.
        light: whether the metal is as light as titanium; its beam hardening is then fitted in two ways.
    """
    strengths: list[float] = []
    trust = _trust(shown)
    completed = best = shown.sinogram
    for turn, share in enumerate(_BELIEVED_OF_LIGHT if light else _BELIEVED):
        pause()
        if turn:
            prior = smoothed(shown.reconstruct(completed), shown.mask)
            pause()
        base = complete_with_prior(shown.sinogram, shown.projector.forward(prior), shown.trace)
        pause()
        if light:
            left = without_hardening(shown, base, trust)
        else:
            left = trust * remainder(shown.sinogram, base, shown.metal, shown.trace, has_slopes=True)[1]
        strengths.append(float(strength(left, shown.trace)))
        completed = base + share * left
        if strengths[-1] == min(strengths):
            best = completed
    return Reading(best, 1 - (min(strengths) / max(strengths[0], 1e-6)) ** 2)


def _trust(shown: Shown) -> Tensor:
    """Return the weight of each ray, `[1, view, bin]`."""
    light = 1 / (1 + torch.exp((shown.sinogram - _STARVED).clamp(max=20)))
    return _TRUST * light / (1 + (shown.metal / _MUCH_METAL) ** 4)


def smoothed(mu: Tensor, metal: Tensor) -> Tensor:
    """Reduce the streaks of an image, 1/cm, `[slice, y, x]`, by total variation denoising; metal becomes water.

    Source: A. Chambolle, An algorithm for total variation minimization and applications, 2004.
    """
    tissue = torch.where(grown(metal), MU_WATER, mu).clamp(0, _DENSEST).cpu().numpy()
    calm = partial(denoise_tv_chambolle, weight=_SMOOTHING, max_num_iter=_ITERATIONS)
    return torch.from_numpy(np.stack([calm(each) for each in tissue])).to(mu)
