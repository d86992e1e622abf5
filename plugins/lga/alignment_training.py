"""Second training stage: the alignment network learns to map ordinary codes to spectral codes."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, smooth_l1_loss

from marview.errors import BadInput
from marview.learning.api import ONE_TURN, Asked, Sources
from marview.learning.contrast import faint_lesions, lost_contrast
from marview.learning.losses import l2
from marview.methods import image_domain

from .batches import GsiBatch, crops, difference_of_mu, in_hu, mirrored, nearness, to_mu, to_unit
from .network import LatentAlignment, build, change_hu
from .sources import sources_of

_LEAST_HU_PX = 300.0
"""Smallest contrast of the lesions in a crop, in HU, summed over its pixels. A lesion of 10 HU with a radius of 3
pixels has this contrast."""


class AlignmentTraining:
    """Training of the alignment network with losses on images, codes, contrastive features and faint lesions.

    The image loss compares the result with the spectral image, and the code loss compares their codes. The
    third loss compares the contrastive features of the ordinary code and the aligned code. The last loss
    requires that a faint lesion drawn into the ordinary image appears in the result. The autoencoder and the
    contrastive encoders come from the first stage and are not trained further. The image loss covers only
    pixels near metal, because all other pixels keep their original values.
    """

    turns = ONE_TURN
    is_spectral = True

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build all networks."""
        network = build(settings)
        network.requires_grad_(requires_grad=False)
        network.alignment.requires_grad_()
        return network

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return the parameters of the alignment network."""
        assert isinstance(network, LatentAlignment)
        return network.alignment.parameters()

    def losses(
        self,
        network: nn.Module,
        batch: GsiBatch,
        turn: str,  # noqa: ARG002 - there is only one
        settings: Mapping[str, Any],  # noqa: ARG002 - the network knows them
    ) -> dict[str, Tensor]:
        """Compute losses on crops near metal during training, and on whole slices otherwise.

        Raises:
            BadInput: the autoencoder has not been trained.
        """
        assert isinstance(network, LatentAlignment)
        if not int(network.autoencoder_steps):
            raise BadInput(
                "The autoencoder of Latent GSI Alignment has not been trained. Train it first (--size autoencoder), "
                "then pass its weights with --begin-with RUN/weights.safetensors."
            )
        chosen = network.settings
        planes = torch.cat([to_unit(batch.ordinary_hu), to_unit(batch.gsi_hu[:, None]), batch.mask[:, None]], dim=1)
        seen = mirrored(crops(planes, chosen.crop_px, batch.mask)) if network.training else planes
        volume, wanted, metal = seen[:, :-2], seen[:, -2:-1], seen[:, -1:]
        weight = nearness(metal[:, 0] > 0, chosen.reach_px)[:, None]
        lesions = _lesions(wanted[:1], metal[:1], is_fixed=not network.training) if chosen.contrast else wanted[:0]
        volume = torch.cat([volume, volume[: len(lesions)] + lesions])
        kinds = torch.cat([batch.kinds, batch.kinds[: len(lesions)]])
        outputs = network.aligned(volume, torch.cat([metal, metal[: len(lesions)]]), kinds)
        code, aligned, image = (each[: len(wanted)] for each in outputs)
        spectral = network.code(wanted.expand(-1, chosen.slices, -1, -1))
        inner, outer = network.contrast_ordinary(code), network.contrast_gsi(aligned)
        coarse = interpolate(weight, size=code.shape[-2:], mode="area")
        losses = {
            "image": chosen.image * _bounded(image, wanted, weight, chosen.bound_hu),
            "code": chosen.code * l2(aligned, spectral, coarse.expand_as(code)),
            "invariant": chosen.invariant * l2(inner, outer),
        }
        if chosen.contrast:
            losses["contrast"] = chosen.contrast * lost_contrast(outputs[2][len(wanted) :], image[:1], lesions)
        if not network.training:
            before = volume[: len(wanted), chosen.slices // 2, None]
            losses |= {
                name: _rmse_hu(made, wanted, weight)
                for name, made in (("near_rmse_hu", image), ("near_uncorrected_rmse_hu", before))
            }
        return losses

    @torch.no_grad()
    def pictures(self, network: nn.Module, batch: GsiBatch, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the first slice, corrected near metal, and its change, both in 1/cm.

        Water is added to the change, so that zero appears grey.
        """
        assert isinstance(network, LatentAlignment)
        change = change_hu(network, batch.ordinary_hu[:1], batch.mask[:1], batch.kinds[:1])
        near = nearness(batch.mask[:1], network.settings.reach_px)
        before = to_unit(batch.ordinary_hu[:1, network.settings.slices // 2])
        change = near * change / in_hu(torch.tensor(1.0))
        return {"result": to_mu((before + change)[0]), "change": to_mu(change[0] + to_unit(torch.tensor(0.0)))}

    def sources(self, asked: Asked) -> Sources:
        """Create the sources of scenes with ordinary and spectral slices.

        Raises:
            BadInput: the data contains nothing to train on.
        """
        return sources_of(asked)


def _lesions(wanted: Tensor, metal: Tensor, *, is_fixed: bool) -> Tensor:
    """Draw faint lesions near metal; return their contrast in the networks' unit, with the shape of `wanted`.

    `wanted` contains spectral images and `metal` their masks, 0 to 1, both `[slice, 1, y, x]`. Lesions that lie almost
    entirely outside the crop are left out, because a loss relative to their contrast would be enormous.
    """
    drawn = faint_lesions(image_domain.to_unit(to_mu(wanted[:, 0])), 1 - metal, is_fixed=is_fixed)
    lesions = difference_of_mu(drawn * (image_domain.MOST_MU / 2))
    return lesions * (in_hu(lesions.abs().sum()) > _LEAST_HU_PX)


def _bounded(made: Tensor, wanted: Tensor, weight: Tensor, bound_hu: float) -> Tensor:
    """Return the weighted mean of squared differences, which become linear above a bound to limit outliers."""
    if not bound_hu:
        return l2(made, wanted, weight)
    bound = bound_hu / float(in_hu(torch.tensor(1.0)))
    error = 2 * bound * smooth_l1_loss(made.float(), wanted.float(), reduction="none", beta=bound)
    return (error * weight).sum() / weight.sum().clamp(min=1)


def _rmse_hu(made: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Return the mean over slices of the weighted RMSE in HU."""
    squares = ((made - wanted).square() * weight).sum(dim=(1, 2, 3))
    return in_hu((squares / weight.sum(dim=(1, 2, 3)).clamp(min=1)).sqrt().mean())
