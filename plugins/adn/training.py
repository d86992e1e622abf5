"""Unpaired training of ADN: two adversarial turns that share one forward pass."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from marview.learning.api import Unpaired
from marview.learning.losses import l1
from marview.physics.attenuation import MU_WATER

from .network import Discriminator, Encoder, Generator, Reduction, removed, to_mu, to_unit
from .settings import Settings, read_settings

GENERATORS, DISCRIMINATORS = "generators", "discriminators"


class AdnNetwork(nn.Module):
    """All networks: 27,980,418 parameters that make images and 1,321,858 that judge them, in the paper's size.

    Attributes:
        reduction: removes artifacts (E_Ia and G_I of the paper).
        clean_encoder: content of an image without metal (E_I).
        artifact_encoder: artifact of an image with metal (E_a).
        artifact_generator: image with an artifact (G_Ia).
        judge_clean: discriminator of images without metal (D_I).
        judge_artifact: discriminator of images with metal (D_Ia).
        steps: training steps so far; kept with the state, so that a resumed run knows them.
    """

    steps: Tensor

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width, blocks, norm = settings.width, settings.blocks, settings.has_norm
        self.reduction = Reduction(width, blocks, has_norm=norm, is_residual=settings.is_residual)
        self.clean_encoder = Encoder(width, blocks, has_norm=norm)
        self.artifact_encoder = Encoder(width, blocks, has_norm=norm)
        self.artifact_generator = Generator(width, blocks, has_norm=norm, is_residual=settings.is_residual)
        self.judge_clean, self.judge_artifact = Discriminator(width), Discriminator(width)
        self.register_buffer("steps", torch.tensor(0))

    def made(self, with_metal: Tensor, without_metal: Tensor) -> dict[str, Tensor]:
        """Make all images of a step of two images `[slice, 1, y, x]` in the network's unit.

        Returns:
            Images by name: `reduced` (x̂, the image with metal freed of its artifact), `rebuilt` (the image with metal
            from its own codes), `kept` (the clean image from its own code), `swapped` (the clean image with the other
            image's artifact), `self_reduced` (`swapped` freed of it again).
        """
        make, remove = self.artifact_generator, self.reduction
        content = remove.encoder(with_metal)[-1]
        artifact = self.artifact_encoder(with_metal)
        clean_content = self.clean_encoder(without_metal)[-1]
        reduced = remove.generator(content, with_metal)
        swapped = make(clean_content, without_metal, artifact)
        return {
            "reduced": reduced,
            "rebuilt": make(content, reduced, artifact),
            "kept": remove.generator(clean_content, without_metal),
            "swapped": swapped,
            "self_reduced": remove(swapped),
        }


class AdnTraining:
    """Losses of Liao 2019, equations 3 to 7, with least-squares adversarial losses as the authors train them.

    Beyond the paper, batches that have a truth add the difference to it outside metal, which holds bone.
    """

    turns = (GENERATORS, DISCRIMINATORS)

    def __init__(self) -> None:
        self._step: tuple[dict[str, Tensor], Tensor, Tensor] | None = None

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """The networks."""
        network = AdnNetwork(read_settings(settings))
        for each in network.parameters():
            if each.ndim == 4:  # convolutions are faster so on processors and GPUs
                each.data = each.data.contiguous(memory_format=torch.channels_last)
        return network

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
                _distance(network.judge_clean(made["reduced"]), 1.0)
                + _distance(network.judge_artifact(made["swapped"]), 1.0)
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
        artifact = removed(network.reduction, batch.with_metal_mu[:1])[0]
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
            name: (_distance(judge(real), 1.0) + _distance(judge(false), 0.0)) / 2
            for name, (judge, real, false) in zip(("judge_clean", "judge_artifact"), pairs, strict=True)
        }


def _distance(judged: Tensor, wanted: float) -> Tensor:
    return mse_loss(judged.float(), torch.full_like(judged, wanted, dtype=torch.float32))


def _crops(batch: Unpaired, edge: int) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Images of both streams, truth and pixels without metal, cropped at random places, `[slice, 1, y, x]`."""
    has_truth = batch.truth_mu is not None and batch.metal is not None
    planes = [to_unit(batch.with_metal_mu)]
    if batch.truth_mu is not None and batch.metal is not None:
        planes += [to_unit(batch.truth_mu), (~batch.metal)[:, None].float()]
    first = _cropped(torch.cat(planes, dim=1), edge)
    second = _cropped(to_unit(batch.without_metal_mu), edge)
    return first[:, :1], second, first[:, 1:2] if has_truth else None, first[:, 2:3] if has_truth else None


def _cropped(planes: Tensor, edge: int) -> Tensor:
    """The same random square of all channels of a slice; other slices have other places. 0 leaves them whole."""
    rows, columns = planes.shape[-2:]
    if not edge or edge >= min(rows, columns):
        return planes.contiguous(memory_format=torch.channels_last)
    parts = []
    for one in planes:
        top, left = int(torch.randint(rows - edge + 1, ())), int(torch.randint(columns - edge + 1, ()))
        parts.append(one[:, top : top + edge, left : left + edge])
    return torch.stack(parts).contiguous(memory_format=torch.channels_last)
