"""Unpaired training of ADN: the generator and discriminator turns share one forward pass."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from marview.learning.api import Unpaired
from marview.learning.contrast import faint_lesions, lost_contrast
from marview.learning.losses import adversarial, judged_apart, l1, rms
from marview.learning.networks.start import channels_last
from marview.learning.patches import crops
from marview.methods.image_domain import artifact_image, to_mu, to_unit
from marview.physics.attenuation import MU_WATER

from .network import AdnNetwork
from .settings import Settings, read_settings

GENERATORS, DISCRIMINATORS = "generators", "discriminators"


class AdnTraining:
    """Losses of Liao 2019, equations 3 to 7, with least-squares adversarial losses as in the authors' code.

    Some losses are not in the paper. If a batch has a ground truth, a loss on the difference from the ground
    truth outside metal preserves bone. An optional contrast loss preserves faint lesions. Another optional
    loss preserves grey values: it penalises changes that artifact removal makes to clean images.
    """

    turns = (GENERATORS, DISCRIMINATORS)

    def __init__(self) -> None:
        self._judged: list[tuple[str, nn.Module, Tensor, Tensor]] = []

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build the networks."""
        return channels_last(AdnNetwork(read_settings(settings)))

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:
        """Return the parameters trained in a turn: encoders and generators, or discriminators."""
        is_judge = turn == DISCRIMINATORS
        return [each for name, each in network.named_parameters() if name.startswith("judge_") == is_judge]

    def losses(self, network: nn.Module, batch: Unpaired, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        """Compute the losses of a turn; the discriminators judge images generated in the same step."""
        assert isinstance(network, AdnNetwork)
        chosen = read_settings(settings)
        if turn == DISCRIMINATORS:
            judged, self._judged = self._judged, []
            return {name: judged_apart(judge, real, made.detach()) for name, judge, real, made in judged}
        steps = int(network.steps)
        is_calm = steps < chosen.calm_steps
        if network.training:
            network.steps += 1
            if is_calm:
                return self._calm(network, batch, chosen)
            if 0 < chosen.calm_steps == steps:
                network.share_content()
        with_metal, without_metal, truth, away = _crops(batch, chosen.crop_px if network.training else 0)
        made = network.made(with_metal, without_metal)
        self._judged = [
            ("judge_clean", network.judge_clean, without_metal, made["reduced"]),
            ("judge_artifact", network.judge_artifact, with_metal, made["swapped"]),
        ]
        found = made["reduced"]
        if chosen.calm_steps:
            # The other networks generate no artifacts at first, so this loss would teach the trained pair to find none.
            found = found.detach()
        losses = {
            "reconstruction": chosen.reconstruction
            * (l1(made["rebuilt"], with_metal) + l1(made["kept"], without_metal)),
            "self_reduction": chosen.self_reduction * l1(made["self_reduced"], without_metal),
            "artifact": chosen.artifact * l1(with_metal - found, made["swapped"] - without_metal),
        }
        if not is_calm:
            losses["adversarial"] = chosen.adversarial * (
                adversarial(network.judge_clean(made["reduced"]), 1.0)
                + adversarial(network.judge_artifact(made["swapped"]), 1.0)
            )
        if truth is not None:
            losses |= _difference(made["reduced"], truth, away, chosen)
        if chosen.contrast and truth is not None and away is not None:
            lesions = faint_lesions(truth[:1], away[:1], is_fixed=not network.training)
            with_lesions = network.reduction(with_metal[:1] + lesions)
            losses["contrast"] = chosen.contrast * lost_contrast(with_lesions, made["reduced"][:1], lesions)
        if chosen.unchanged:
            losses["unchanged"] = chosen.unchanged * l1(network.reduction(without_metal), without_metal)
        return losses

    @torch.no_grad()
    def pictures(self, network: nn.Module, batch: Unpaired, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return `result`, `artifact`, `clean`, `swapped` and `self_reduced`, all in 1/cm.

        Water is added to the artifact image, so that zero appears grey.
        """
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

    def _calm(self, network: AdnNetwork, batch: Unpaired, chosen: Settings) -> dict[str, Tensor]:
        """Compute the losses of artifact removal only: on a clean crop, and on crops with artifacts and ground truth.

        Both losses belong to the same step, because Adam scales steps, so that weights could not balance losses of
        different steps. A single clean crop is sufficient, and all crops share one forward pass. The discriminators are
        not trained.
        """
        seen, clean, truth, away = _crops(batch, chosen.crop_px)
        self._judged, kept = [], clean[:1]
        if truth is None:
            return {"unchanged": chosen.unchanged * l1(network.reduction(kept), kept)}
        images = [kept, seen]
        if chosen.contrast and away is not None:
            lesions = faint_lesions(truth[:1], away[:1])
            images.append(seen[:1] + lesions)
        made = network.reduction(torch.cat(images))
        kept_made, reduced = made[:1], made[1 : 1 + len(seen)]
        losses = {"unchanged": chosen.unchanged * l1(kept_made, kept)}
        if len(made) > 1 + len(seen):
            losses["contrast"] = chosen.contrast * lost_contrast(made[-1:], reduced[:1], lesions)
        return losses | _difference(reduced, truth, away, chosen)


def _difference(made: Tensor, truth: Tensor, away: Tensor | None, chosen: Settings) -> dict[str, Tensor]:
    """Compute the losses of the difference from the ground truth outside metal."""
    losses = {"paired": chosen.paired * l1(made, truth, away)}
    if chosen.paired_rms:
        losses["paired_rms"] = chosen.paired_rms * rms(made, truth, away)
    return losses


def _crops(batch: Unpaired, edge: int) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Cut random crops, `[crop, 1, y, x]`, from the images, the ground truth and the map of pixels without metal.

    Args:
        batch: unpaired batch.
        edge: edge of the crops; 0 for whole images.
    """
    has_truth = batch.truth_mu is not None and batch.metal is not None
    planes = [to_unit(batch.with_metal_mu)]
    if batch.truth_mu is not None and batch.metal is not None:
        planes += [to_unit(batch.truth_mu), (~batch.metal)[:, None].float()]
    first = crops(torch.cat(planes, dim=1), edge)
    second = crops(to_unit(batch.without_metal_mu), edge)
    return first[:, :1], second, first[:, 1:2] if has_truth else None, first[:, 2:3] if has_truth else None
