"""Unpaired training of ADN: two adversarial turns that share one forward pass."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from marview.learning.api import Unpaired
from marview.learning.losses import adversarial, judged_apart, l1
from marview.learning.networks.start import channels_last
from marview.learning.patches import crops
from marview.methods.image_domain import artifact_image, to_mu, to_unit
from marview.physics.attenuation import MU_WATER

from .network import AdnNetwork
from .settings import read_settings

GENERATORS, DISCRIMINATORS = "generators", "discriminators"


class AdnTraining:
    """Losses of Liao 2019, equations 3 to 7, with least-squares adversarial losses as the authors train them.

    Beyond the paper, batches that have a truth add the difference to it outside metal, which holds bone.
    """

    turns = (GENERATORS, DISCRIMINATORS)

    def __init__(self) -> None:
        self._step: tuple[dict[str, Tensor], Tensor, Tensor] | None = None

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """The networks."""
        return channels_last(AdnNetwork(read_settings(settings)))

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:
        """Encoders and generators, or the discriminators."""
        is_judge = turn == DISCRIMINATORS
        return [each for name, each in network.named_parameters() if name.startswith("judge_") == is_judge]

    def losses(self, network: nn.Module, batch: Unpaired, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        """Losses of a turn; the discriminators judge the images that the generators made in the same step."""
        assert isinstance(network, AdnNetwork)
        chosen = read_settings(settings)
        if turn == DISCRIMINATORS:
            return self._judged(network)
        with_metal, without_metal, truth, away = _crops(batch, chosen.crop_px if network.training else 0)
        made = network.made(with_metal, without_metal)
        self._step = {name: each.detach() for name, each in made.items()}, with_metal, without_metal
        is_calm = int(network.steps) < chosen.calm_steps
        if network.training:
            network.steps += 1
        losses = {
            "reconstruction": chosen.reconstruction
            * (l1(made["rebuilt"], with_metal) + l1(made["kept"], without_metal)),
            "self_reduction": chosen.self_reduction * l1(made["self_reduced"], without_metal),
            "artifact": chosen.artifact * l1(with_metal - made["reduced"], made["swapped"] - without_metal),
        }
        if not is_calm:
            losses["adversarial"] = chosen.adversarial * (
                adversarial(network.judge_clean(made["reduced"]), 1.0)
                + adversarial(network.judge_artifact(made["swapped"]), 1.0)
            )
        if truth is not None:
            losses["paired"] = chosen.paired * l1(made["reduced"], truth, away)
        return losses

    @torch.no_grad()
    def pictures(self, network: nn.Module, batch: Unpaired, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Result, artifact image (zero as grey as water), clean image, artifact swapped onto it, and removed again."""
        assert isinstance(network, AdnNetwork)
        with_metal, without_metal, *_ = _crops(batch, 0)
        made = network.made(with_metal[:1], without_metal[:1])
        artifact = artifact_image(network.reduction, batch.with_metal_mu[:1], network.reduction.multiple)[0]
        return {
            "result": batch.with_metal_mu[0] - artifact,
            "artifact": artifact + MU_WATER,
            "clean": batch.without_metal_mu[0],
            "swapped": to_mu(made["swapped"])[0],
            "self_reduced": to_mu(made["self_reduced"])[0],
        }

    def _judged(self, network: AdnNetwork) -> dict[str, Tensor]:
        assert self._step is not None, "the generators' turn comes first"
        (made, with_metal, without_metal), self._step = self._step, None
        pairs = (
            (network.judge_clean, without_metal, made["reduced"]),
            (network.judge_artifact, with_metal, made["swapped"]),
        )
        return {
            name: judged_apart(judge, real, false)
            for name, (judge, real, false) in zip(("judge_clean", "judge_artifact"), pairs, strict=True)
        }


def _crops(batch: Unpaired, edge: int) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Images of both streams, truth and pixels without metal, cropped at random places, `[slice, 1, y, x]`."""
    has_truth = batch.truth_mu is not None and batch.metal is not None
    planes = [to_unit(batch.with_metal_mu)]
    if batch.truth_mu is not None and batch.metal is not None:
        planes += [to_unit(batch.truth_mu), (~batch.metal)[:, None].float()]
    first = crops(torch.cat(planes, dim=1), edge)
    second = crops(to_unit(batch.without_metal_mu), edge)
    return first[:, :1], second, first[:, 1:2] if has_truth else None, first[:, 2:3] if has_truth else None
