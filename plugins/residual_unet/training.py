"""Supervised training of the residual U-Net on patches of simulated pairs."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from marview.learning.api import ONE_TURN, Pairs
from marview.learning.losses import l1
from marview.learning.networks.start import channels_last
from marview.learning.patches import patches
from marview.methods.image_domain import artifact_image, to_unit
from marview.physics.attenuation import MU_WATER

from .network import ResidualUNet
from .settings import read_settings


class UNetTraining:
    """Mean absolute difference to the truth, in the network's unit; metal is to stay as it is."""

    turns = ONE_TURN

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """The network."""
        return channels_last(ResidualUNet(read_settings(settings)))

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """All of it."""
        return network.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Of random patches in training, of whole slices otherwise."""
        chosen = read_settings(settings)
        seen, truth = to_unit(pairs.image), to_unit(pairs.truth_mu)
        wanted = torch.where(pairs.metal[:, None], seen, truth)
        if network.training:
            seen, wanted = patches(seen, wanted[:, 0], chosen.patch_px, chosen.patches, chosen.hard_share)
            wanted = wanted[:, None]
            is_clean = torch.rand(len(seen)) < chosen.clean_share
            seen = torch.where(is_clean[:, None, None, None].to(seen.device), wanted, seen)
        corrected = network(seen.contiguous(memory_format=torch.channels_last))
        return {"image": l1(corrected, wanted)}

    @torch.no_grad()
    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        """Result and artifact image (zero as grey as water), in 1/cm."""
        artifact = artifact_image(network, pairs.image[:1], read_settings(settings).fold)[0]
        return {"result": pairs.image[0] - artifact, "artifact": artifact + MU_WATER}
