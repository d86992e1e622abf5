"""Adversarial training of cGAN-MAR on pairs, and of CycleGAN on unpaired images."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from marview.learning.api import Batch, Pairs, Unpaired
from marview.learning.losses import adversarial, judged_apart, l1
from marview.learning.networks.start import channels_last
from marview.learning.patches import crops
from marview.methods.image_domain import artifact_image, to_unit
from marview.physics.attenuation import MU_WATER

from .network import CGan, CycleGan
from .settings import read_settings

GENERATORS, DISCRIMINATORS = "generators", "discriminators"


class GanTraining:
    """Losses of Isola 2017 (cgan) and Zhu 2017 (cyclegan), with least-squares adversarial losses.

    The discriminators judge images generated in the same step.
    """

    turns = (GENERATORS, DISCRIMINATORS)

    def __init__(self) -> None:
        self._judged: list[tuple[str, nn.Module, Tensor, Tensor]] = []

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build the networks of the variant."""
        chosen = read_settings(settings)
        return channels_last(CGan(chosen) if chosen.variant == "cgan" else CycleGan(chosen))

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:
        """Return the parameters of the networks trained in this turn: generators or discriminators."""
        is_judge = turn == DISCRIMINATORS
        return [each for name, each in network.named_parameters() if name.startswith("judge_") == is_judge]

    def losses(self, network: nn.Module, batch: Batch, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        """Compute the losses of the given turn."""
        if turn == DISCRIMINATORS:
            assert self._judged, "the generators' turn comes first"
            judged, self._judged = self._judged, []
            return {name: judged_apart(judge, real, made.detach()) for name, judge, real, made in judged}
        chosen = read_settings(settings)
        edge = chosen.crop_px if network.training else 0
        if isinstance(network, CGan):
            assert isinstance(batch, Pairs)
            judged_real, others = self._of_pairs(network, batch, edge)
        else:
            assert isinstance(network, CycleGan)
            assert isinstance(batch, Unpaired)
            judged_real, others = self._of_unpaired(network, batch, edge)
        weights = chosen.model_dump()
        return {"adversarial": chosen.adversarial * judged_real} | {
            name: weights[name] * loss for name, loss in others.items()
        }

    @torch.no_grad()
    def pictures(self, network: nn.Module, batch: Batch, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the result and the artifact image, both in 1/cm.

        Water is added to the artifact image, so that zero appears grey.
        """
        assert isinstance(network, CGan | CycleGan)
        mu = batch.image if isinstance(batch, Pairs) else batch.with_metal_mu
        artifact = artifact_image(network.reduction, mu[:1], network.reduction.multiple)[0]
        return {"result": mu[0] - artifact, "artifact": artifact + MU_WATER}

    def _of_pairs(self, network: CGan, pairs: Pairs, edge: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the adversarial loss of the input with the corrected image, and the difference from the truth."""
        planes = [to_unit(pairs.image), to_unit(pairs.truth_mu), (~pairs.metal)[:, None].float()]
        seen, truth, away = crops(torch.cat(planes, dim=1), edge).chunk(3, dim=1)
        reduced = network.reduction(seen)
        real, made = torch.cat([seen, truth], dim=1), torch.cat([seen, reduced], dim=1)
        self._judged = [("judge_clean", network.judge_clean, real, made)]
        return adversarial(network.judge_clean(made), 1.0), {"truth": l1(reduced, truth, away)}

    def _of_unpaired(self, network: CycleGan, batch: Unpaired, edge: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the adversarial losses and the identity losses of both translations, and the cycle losses."""
        with_metal = crops(to_unit(batch.with_metal_mu), edge)
        without_metal = crops(to_unit(batch.without_metal_mu), edge)
        reduced, added = network.reduction(with_metal), network.addition(without_metal)
        self._judged = [
            ("judge_clean", network.judge_clean, without_metal, reduced),
            ("judge_artifact", network.judge_artifact, with_metal, added),
        ]
        cycle = l1(network.addition(reduced), with_metal) + l1(network.reduction(added), without_metal)
        identity = l1(network.reduction(without_metal), without_metal) + l1(network.addition(with_metal), with_metal)
        judged = adversarial(network.judge_clean(reduced), 1.0) + adversarial(network.judge_artifact(added), 1.0)
        return judged, {"cycle": cycle, "identity": identity}
