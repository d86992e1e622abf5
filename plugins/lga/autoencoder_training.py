"""First training stage: train the autoencoder on images, and the contrastive encoders on the codes."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from marview.learning.api import Asked, Sources
from marview.learning.losses import l1

from .altered import altered
from .autoencoder import divergence, drawn
from .batches import GsiBatch, crops, in_hu, to_mu, to_unit
from .contrast import contrast
from .network import LatentAlignment, build
from .settings import Settings
from .sources import sources_of

AUTOENCODER, CONTRAST = "autoencoder", "contrast"


class AutoencoderTraining:
    """Training with losses on images, image gradients and the divergence of the codes.

    The decoder of ordinary images learns from slices with metal. The decoder of spectral images learns from
    spectral and clean slices. The contrastive encoders are trained in a separate turn on the codes of the
    same crops.
    """

    turns = (AUTOENCODER, CONTRAST)
    is_spectral = True

    def __init__(self) -> None:
        self._codes: tuple[Tensor, Tensor] | None = None

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build all networks."""
        return build(settings)

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:
        """Return the parameters of the encoder and the decoders, or of the contrastive encoders."""
        assert isinstance(network, LatentAlignment)
        parts: tuple[nn.Module, ...] = (network.contrast_ordinary, network.contrast_gsi)
        if turn == AUTOENCODER:
            parts = (network.encoder, network.decoder_ordinary, network.decoder_gsi)
        return [each for part in parts for each in part.parameters()]

    def losses(
        self,
        network: nn.Module,
        batch: GsiBatch,
        turn: str,
        settings: Mapping[str, Any],  # noqa: ARG002 - the network knows them
    ) -> dict[str, Tensor]:
        """Compute losses on crops during training, and on whole slices otherwise.

        The second turn reuses the codes of the first.
        """
        assert isinstance(network, LatentAlignment)
        if turn == CONTRAST:
            assert self._codes is not None, "the autoencoder's turn comes first"
            (ordinary, spectral), self._codes = self._codes, None
            return {"contrast": contrast(network.contrast_ordinary(ordinary), network.contrast_gsi(spectral))}
        chosen = network.settings
        if not network.training:
            return self._measured(network, batch)
        ordinary, spectral, clean = _crops(batch, chosen)
        is_spectral = torch.rand(len(batch), 1, 1, 1) < chosen.gsi
        wanted = torch.cat([ordinary, torch.where(is_spectral.to(clean.device), spectral, clean)])
        mean, log_variance = network.encoder(altered(wanted, chosen.altered))
        code_ordinary, code_gsi = drawn(mean, log_variance).chunk(2)
        self._codes = mean[: len(batch)].detach(), network.code(spectral)
        network.autoencoder_steps += 1
        made = torch.cat([network.decoder_ordinary(code_ordinary), network.decoder_gsi(code_gsi)])
        middle = wanted[:, chosen.slices // 2, None]
        steep = torch.stack([l1(made.diff(dim=axis), middle.diff(dim=axis)) for axis in (-1, -2)])
        return {
            "reconstruction": l1(made, middle),
            "gradient": chosen.gradient * steep.sum(),
            "kl": chosen.kl * divergence(mean, log_variance),
        }

    @torch.no_grad()
    def pictures(self, network: nn.Module, batch: GsiBatch, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return a spectral, an ordinary and a clean slice in 1/cm, each decoded from its code."""
        assert isinstance(network, LatentAlignment)
        spectral = _repeated(batch.gsi_hu[:1], network.settings)
        ordinary, clean = (to_unit(each[:1]) for each in (batch.ordinary_hu, batch.clean_hu))
        made = {
            "result": network.decoder_gsi(network.code(spectral)),
            "ordinary_rebuilt": network.decoder_ordinary(network.code(ordinary)),
            "clean_rebuilt": network.decoder_gsi(network.code(clean)),
        }
        return {name: to_mu(image[0, 0]) for name, image in made.items()}

    def sources(self, asked: Asked) -> Sources:
        """Create the sources of scenes with ordinary, clean and spectral slices.

        Raises:
            BadInput: the data contains nothing to train on.
        """
        return sources_of(asked)

    def _measured(self, network: LatentAlignment, batch: GsiBatch) -> dict[str, Tensor]:
        """Return errors of held-out slices in HU: of clean slices with both decoders, and of others with their own."""
        spectral, clean = _repeated(batch.gsi_hu, network.settings), to_unit(batch.clean_hu)
        ordinary = to_unit(batch.ordinary_hu)
        code, code_clean, code_gsi = network.code(ordinary), network.code(clean), network.code(spectral)
        self._codes = code, code_gsi
        pairs = {
            "ordinary_rmse_hu": (network.decoder_ordinary(code), ordinary),
            "clean_rmse_hu": (network.decoder_gsi(code_clean), clean),
            "gsi_rmse_hu": (network.decoder_gsi(code_gsi), spectral),
        }
        middle = network.settings.slices // 2
        return {
            name: in_hu((made - seen[:, middle, None]).square().mean(dim=(1, 2, 3)).sqrt().mean())
            for name, (made, seen) in pairs.items()
        }


def _crops(batch: GsiBatch, settings: Settings) -> tuple[Tensor, Tensor, Tensor]:
    """Return crops of ordinary, spectral and clean slices with their neighbours, `[slice, neighbour, y, x]`."""
    planes = torch.cat([to_unit(batch.ordinary_hu), _repeated(batch.gsi_hu, settings)], dim=1)
    ordinary, spectral = crops(planes, settings.crop_px, batch.mask).chunk(2, dim=1)
    clean = to_unit(batch.clean_hu)
    return ordinary, spectral, crops(clean, settings.crop_px, clean[:, settings.slices // 2] > _BODY)


_BODY = -0.75
"""Value of -500 HU in the unit of the network."""


def _repeated(hu: Tensor, settings: Settings) -> Tensor:
    """Repeat slices in place of their neighbours, `[slice, neighbour, y, x]`, in the network's unit."""
    return to_unit(hu)[:, None].expand(-1, settings.slices, -1, -1)
