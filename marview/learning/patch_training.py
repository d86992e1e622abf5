"""Supervised training of image-domain networks on patches of simulated pairs."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from marview.learning.api import ONE_TURN, Pairs
from marview.learning.contrast import faint_lesions, lost_contrast
from marview.learning.losses import l1, rms
from marview.learning.patches import patches
from marview.learning.settings import Count, NetworkSettings, Share, Weight
from marview.methods.image_domain import artifact_image, to_unit
from marview.physics.attenuation import MU_WATER


class PatchSettings(NetworkSettings):
    """Settings of the patches and losses of a training step.

    Attributes:
        patch_px: edge length of the patches in pixels.
        patches: number of patches in a step.
        hard_share: fraction of patches that are placed where artifacts are strong.
        clean_share: fraction of patches without artifacts, which the network must leave unchanged.
        quarter_turns: maximum number of quarter turns applied to a patch; with 0, patches are only
            mirrored.
        holds_metal: whether metal must stay unchanged; otherwise the loss ignores metal pixels.
        rms: weight of the root mean square difference, which is dominated by large errors near metal. The
            weight of the mean absolute difference is 1.
        contrast: weight of the relative error in lesion contrast.
    """

    patch_px: Count = 256
    patches: Count = 8
    hard_share: Share = 0.0
    clean_share: Share = 0.0
    quarter_turns: Annotated[int, Field(ge=0, le=3)] = 3
    holds_metal: bool = True
    rms: Weight = 0.0
    contrast: Weight = 0.0


class PatchTraining(ABC):
    """Base class for training a network on random patches and their ground truth."""

    turns = ONE_TURN

    @abstractmethod
    def read(self, settings: Mapping[str, Any]) -> PatchSettings:
        """Read the settings of a recipe.

        Raises:
            BadInput: a name is unknown or a value is wrong.
        """

    @abstractmethod
    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build the network; image heights and widths must be multiples of its `fold` attribute."""

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return all parameters of the network."""
        return network.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute the losses on random patches during training, and on whole slices during validation."""
        chosen = self.read(settings)
        seen, truth = to_unit(pairs.image), to_unit(pairs.truth_mu)
        away = (~pairs.metal)[:, None].float()
        wanted = torch.where(pairs.metal[:, None], seen, truth)
        if network.training:
            seen, wanted = patches(
                torch.cat([away, seen], dim=1),
                wanted[:, 0],
                chosen.patch_px,
                chosen.patches,
                chosen.hard_share,
                chosen.quarter_turns,
            )
            away, seen, wanted = seen[:, :1], seen[:, 1:], wanted[:, None]
            is_clean = torch.rand(len(seen)) < chosen.clean_share
            seen = torch.where(is_clean[:, None, None, None].to(seen.device), wanted, seen)
        lesions = faint_lesions(wanted[:1], away[:1], is_fixed=not network.training) if chosen.contrast else seen[:0]
        images = torch.cat([seen, seen[: len(lesions)] + lesions])
        made = network(images.contiguous(memory_format=torch.channels_last))
        corrected, with_lesions = made[: len(seen)], made[len(seen) :]
        where = None if chosen.holds_metal else away
        losses = {"image": l1(corrected, wanted, where)}
        if chosen.rms:
            losses["rms"] = chosen.rms * rms(corrected, wanted, where)
        if chosen.contrast:
            losses["contrast"] = chosen.contrast * lost_contrast(with_lesions, corrected[:1], lesions)
        return losses

    @torch.no_grad()
    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return preview images in 1/cm: the corrected image and the artifact image.

        The attenuation of water is added to the artifact image, so that zero appears grey.
        """
        fold = network.fold
        assert isinstance(fold, int)
        artifact = artifact_image(network, pairs.image[:1], fold)[0]
        return {"result": pairs.image[0] - artifact, "artifact": artifact + MU_WATER}
