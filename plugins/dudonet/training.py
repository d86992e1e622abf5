"""Train both networks end to end (Lin 2019, equations 4, 8 and 10)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from marview.learning.api import ONE_TURN, Pairs
from marview.learning.losses import l1
from marview.learning.networks import line_unit

from .network import DualDomain, Start
from .settings import read_settings
from .start import start_of


class EndToEnd:
    """Joint training of SE-Net and IE-Net; image gradients reach SE-Net through the inversion layer."""

    turns = ONE_TURN

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build both networks."""
        return DualDomain(read_settings(settings))

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return the parameters of both networks."""
        return network.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute the weighted losses |Yout - Ygt|, |Xhat - Xgt| and |Xout - Xgt|.

        The first loss is in the network's unit, and the others are in 1/cm. The first two losses need SE-Net,
        and the third needs IE-Net. The second loss is left out if its weight is 0.

        As in the paper, all pixels count; the ground truth inside metal is the tissue that the metal replaces.
        """
        dual = _dual(network)
        weights, unit = dual.settings.losses, line_unit(pairs.projector)
        corrected, inverted, result = forward(dual, pairs)
        losses: dict[str, Tensor] = {}
        if dual.sinogram_net is not None:
            losses["sinogram"] = weights.sinogram / unit * l1(corrected, pairs.metal_free_sinogram)
            if weights.consistency:
                losses["consistency"] = weights.consistency * l1(inverted, pairs.truth_mu)
        if dual.image_net is not None:
            losses["image"] = weights.image * l1(result, pairs.truth_mu)
        return losses

    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the prior (SE-Net's image), the result and the corrected sinogram.

        Both images are in 1/cm.
        """
        return pictures(_dual(network), pairs)


@torch.no_grad()
def pictures(dual: DualDomain, pairs: Pairs) -> dict[str, Tensor]:
    """Return the first slice's prior, result and corrected sinogram.

    The images, `[y, x]`, are in 1/cm; the sinogram has the shape `[view, bin]`.
    """
    names = ("truth_mu", "metal", "sinogram", "metal_free_sinogram", "trace")
    clinical_mu = None if pairs.clinical_mu is None else pairs.clinical_mu[:1]
    first = replace(pairs, clinical_mu=clinical_mu, **{name: getattr(pairs, name)[:1] for name in names})
    corrected, inverted, result = forward(dual, first)
    return {"prior": inverted[0], "corrected_sinogram": corrected[0], "result": result[0]}


def forward(dual: DualDomain, pairs: Pairs) -> tuple[Tensor, Tensor, Tensor]:
    """Return Yout, Xhat and Xout; the images Xhat and Xout are in 1/cm."""
    start = start_of(dual, pairs.case())
    corrected, inverted = sinogram_and_image(dual, pairs, start)
    return corrected, inverted, dual.refine(inverted, pairs.li_image, start)


def sinogram_and_image(dual: DualDomain, pairs: Pairs, start: Start) -> tuple[Tensor, Tensor]:
    """Return Yout, `[slice, view, bin]`, and Xhat, 1/cm, `[slice, y, x]`."""
    corrected = dual.enhance(pairs.li_sinogram, pairs.trace, line_unit(pairs.projector), start.prior_sinogram)
    if not dual.settings.changes_sinogram:
        return corrected, pairs.li_image
    known = None if pairs.clinical_mu is None else (pairs.clinical_mu, pairs.sinogram)
    return corrected, dual.invert(corrected, pairs.projector, known)


def _dual(network: nn.Module) -> DualDomain:
    assert isinstance(network, DualDomain)
    return network
