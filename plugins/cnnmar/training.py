"""Train CNNMAR's network on patches of whole slices."""

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from marview.learning.api import ONE_TURN, Pairs
from marview.learning.patches import patches
from marview.methods.trace_completion import complete_with_prior
from marview.physics.attenuation import MU_WATER

from .hardening import without_hardening
from .network import Cnn, channels
from .prior import tissue_prior
from .settings import read_settings


class PatchTraining:
    """Training that minimises half the sum of squared errors of each patch, as in the paper's toolbox.

    Metal is replaced by water in both the input and the target.
    """

    turns = ONE_TURN

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[Pairs, tuple[Tensor, Tensor]] = WeakKeyDictionary()

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build the network."""
        chosen = read_settings(settings)
        return Cnn(chosen.width, starts_as_li=chosen.starts_as_li)

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return all parameters."""
        return network.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute losses on random patches during training, and on whole slices otherwise."""
        chosen = read_settings(settings)
        seen, wanted = self._planes(pairs)
        if network.training:
            seen, wanted = patches(
                seen,
                wanted,
                chosen.patch_px,
                chosen.patches,
                chosen.hard_share,
                chosen.quarter_turns,
                mirrors=chosen.mirrors,
            )
        square = (network(seen)[:, 0] - wanted).square().mean()
        return {"patch": square * chosen.patch_px**2 / 2}

    @torch.no_grad()
    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the network's image, the prior and the result, all in 1/cm, and the corrected sinogram."""
        seen, _ = self._planes(pairs)
        image = network(seen[:1])[:, 0]
        prior = tissue_prior(image, pairs.metal[:1])
        prior_sinogram = pairs.projector.forward(prior.expand_as(pairs.truth_mu))
        corrected = complete_with_prior(pairs.sinogram, prior_sinogram, pairs.trace)
        return {
            "network": image[0],
            "prior": prior[0],
            "corrected_sinogram": corrected[0],
            "result": pairs.reconstruct(corrected)[0],
        }

    def _planes(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the input and the target of the network, cached because a batch is used several times."""
        if pairs not in self._seen:
            with torch.no_grad():
                self._seen[pairs] = _planes(pairs)
        return self._seen[pairs]


def _planes(pairs: Pairs) -> tuple[Tensor, Tensor]:
    metal_cm = pairs.projector.forward(pairs.metal.float())
    hardened = pairs.reconstruct(without_hardening(pairs.sinogram, pairs.li_sinogram, pairs.trace, metal_cm))
    seen = channels(pairs.image, hardened, pairs.li_image, pairs.metal)
    return seen, torch.where(pairs.metal, MU_WATER, pairs.truth_mu)
