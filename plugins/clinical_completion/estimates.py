"""Estimate the image near metal with the network, and complete the metal trace with this estimate."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from scipy import ndimage
from torch import Tensor

from marview.methods.api import MarCase
from marview.methods.dense_metal import reasons_for_nmar
from marview.methods.dense_nmar import complete_nmar
from marview.methods.image_domain import averaged_over_flips
from marview.methods.nmar import NmarSettings, nmar_prior
from marview.methods.trace_completion import complete_with_prior, grown
from marview.physics.attenuation import MU_WATER

from .hardening_fit import metal_sinogram
from .network import PriorNetwork
from .planes import COMPLETED, MOST, fixed_planes, planes_of
from .shown import Shown

NEAR_PX, REACH_PX = 24, 60
"""Distances from metal, in pixels, up to which the result is the estimate, and from which it is the completion."""

_MIXED = 0.6
"""Weight of the network's image near metal that is not dense."""

_FLIPS = 4
"""Number of mirrored and shifted copies of a slice whose estimates are averaged."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """Estimate of the metal-free image of a slice.

    Attributes:
        nmar: NMAR image, 1/cm, `[1, y, x]`.
        mu: image estimated by the network, averaged over copies of the slice, 1/cm, `[1, y, x]`.
        prior: estimated image with water in place of metal, 1/cm, `[1, y, x]`.
        prior_sinogram: forward projection of the prior, line integrals, `[1, view, bin]`.
        completed: sinogram completed with the prior, line integrals, `[1, view, bin]`.
    """

    nmar: Tensor
    mu: Tensor
    prior: Tensor
    prior_sinogram: Tensor
    completed: Tensor


class Estimates:
    """The estimates for the slices of a case, based on the NMAR result.

    Attributes:
        case: slices to correct.
        prior: NMAR's prior images, 1/cm, `[slice, y, x]`.
        prior_sinogram: forward projection of the priors, line integrals, `[slice, view, bin]`.
        completed: sinograms completed by NMAR, line integrals, `[slice, view, bin]`.
    """

    def __init__(self, case: MarCase, pause: Callable[[], None] = lambda: None) -> None:
        """Complete the sinograms with NMAR; `pause` is called between the steps, so that a run can be cancelled."""
        self.case, self._pause = case, pause
        self.prior = nmar_prior(case, pause=pause)
        self.prior_sinogram = case.projector.forward(self.prior)
        pause()
        self.completed = complete_nmar(case, self.prior_sinogram, NmarSettings())

    @cached_property
    def _metal(self) -> Tensor:
        return metal_sinogram(self.case.projector, self.case.mu, self.case.metal)

    @cached_property
    def _fixed(self) -> Tensor:
        return fixed_planes(self.case)

    @cached_property
    def _dense(self) -> dict[int, str]:
        return reasons_for_nmar(self.case, streaky=True)

    def weight(self, k: int) -> float:
        """Return the weight of the network's image near metal relative to the completion, 0 to 1.

        The completion shows faint details that the network removes. Near dense metal, however, the completion has
        larger errors, because the rays beside the metal trace are wrong there. For slices with dense metal, the
        weight is therefore 1.
        """
        return 1.0 if k in self._dense else _MIXED

    def shown(self, k: int) -> Shown:
        """Return the data of a slice, selected by its index in the case."""
        case, one = self.case, slice(k, k + 1)
        return Shown(
            case.projector, case.mu[one], case.metal[one], case.sinogram[one], case.trace[one], self._metal[one]
        )

    def planes(self, k: int) -> Tensor:
        """Return the input planes of a slice, `[1, plane, y, x]`."""
        one = slice(k, k + 1)
        return planes_of(self._fixed[one], self.shown(k), self.prior[one], self.completed[one])

    def of(self, network: PriorNetwork, k: int) -> Estimate:
        """Estimate the image of a slice, and complete its metal trace."""
        planes, shown = self.planes(k), self.shown(k)
        self._pause()
        estimate = averaged_over_flips(lambda copy: network(copy)[:, None], _FLIPS, network.fold)(planes)[:, 0]
        # The planes are clipped, NMAR's image is not. The limit keeps clipped pixels from becoming even brighter.
        change = (estimate.clamp(max=MOST) - planes[:, COMPLETED]) * MU_WATER
        self._pause()
        nmar = shown.reconstruct(self.completed[k : k + 1])
        mu = nmar + change
        prior = torch.where(grown(shown.mask), MU_WATER, mu).clamp(min=0)
        prior_sinogram = shown.projector.forward(prior)
        completed = complete_with_prior(shown.sinogram, prior_sinogram, shown.trace)
        return Estimate(nmar, mu, prior, prior_sinogram, completed)


def nearness(metal: Tensor) -> Tensor:
    """Return the weight of the network's image at each pixel, 0 to 1, `[1, y, x]`.

    The weight is 1 near metal, falls to 0 with increasing distance, and is 0 in metal.

    Args:
        metal: metal mask, bool, `[1, y, x]`.
    """
    distance = torch.from_numpy(ndimage.distance_transform_edt(~metal[0].cpu().numpy())).to(metal.device)
    share = ((REACH_PX - distance) / (REACH_PX - NEAR_PX)).clamp(0, 1).float()
    return torch.where(metal, 0.0, share)
