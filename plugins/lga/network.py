"""The networks of Latent GSI Alignment, and the forward pass used in training and correction."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from marview.methods.image_domain import averaged_over_flips

from .alignment import Alignment
from .autoencoder import Decoder, Encoder
from .batches import in_hu, to_unit
from .contrast import ContrastiveEncoder
from .implants import NONE
from .settings import Settings, read_settings


class LatentAlignment(nn.Module):
    """All networks: encoder, two decoders, alignment network and two contrastive encoders.

    Attributes:
        settings: network sizes and loss weights.
        encoder: encoder of ordinary and spectral slices (E in the paper).
        decoder_ordinary: decoder of ordinary codes (D_n).
        decoder_gsi: decoder of spectral codes (D_g).
        alignment: network that predicts the change from an ordinary to a spectral code (F).
        contrast_ordinary: contrastive encoder of ordinary codes.
        contrast_gsi: contrastive encoder of spectral codes.
        autoencoder_steps: number of training steps of the autoencoder so far.
    """

    autoencoder_steps: Tensor

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder = Encoder(settings)
        self.decoder_ordinary, self.decoder_gsi = Decoder(settings), Decoder(settings)
        self.alignment = Alignment(settings)
        self.contrast_ordinary = ContrastiveEncoder(settings.latent, settings.contrast_width)
        self.contrast_gsi = ContrastiveEncoder(settings.latent, settings.contrast_width)
        self.register_buffer("autoencoder_steps", torch.tensor(0))

    @torch.no_grad()
    def code(self, volume: Tensor) -> Tensor:
        """Return the mean codes of the middle slices of a volume, without computing gradients.

        The volume has the shape `[slice, neighbour, y, x]`.
        """
        mean: Tensor = self.encoder(volume)[0]
        return mean

    def aligned(self, volume: Tensor, metal: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Align the codes of the middle slices.

        The metal mask and implant type are used only if the settings select them.

        Args:
            volume: slices with their neighbours in the network's unit, `[slice, neighbour, y, x]`.
            metal: metal masks of the middle slices, `[slice, 1, y, x]`, 0 to 1.
            kinds: implant type of each slice, an index into `implants.KINDS`, `[slice]`.

        Returns:
            Ordinary code, aligned code, and the corrected image `[slice, 1, y, x]`.
        """
        code = self.code(volume)
        metal = metal if self.settings.sees_mask else torch.zeros_like(metal)
        kinds = kinds if self.settings.sees_implant else torch.full_like(kinds, NONE)
        aligned = code + self.alignment(code, metal, kinds)
        image: Tensor = self.decoder_gsi(aligned)
        if self.settings.adds_change:
            middle = volume.shape[1] // 2
            with torch.no_grad():
                unchanged = self.decoder_gsi(code)
            image = volume[:, middle : middle + 1] + (image - unchanged)
        return code, aligned, image


def build(settings: Mapping[str, Any]) -> LatentAlignment:
    """Build the networks from a recipe's settings.

    Raises:
        BadInput: a setting is unknown or invalid.
    """
    network = LatentAlignment(read_settings(settings))
    for each in network.parameters():
        if each.ndim == 4:  # the channels-last format makes convolutions faster, on CPUs and GPUs
            each.data = each.data.contiguous(memory_format=torch.channels_last)
    return network


def change_hu(network: LatentAlignment, volume_hu: Tensor, metal: Tensor, kinds: Tensor, copies: int = 1) -> Tensor:
    """Compute the networks' correction in HU for slices of any size.

    Args:
        network: networks of the method.
        volume_hu: slices with their neighbours, HU, `[slice, neighbour, y, x]`.
        metal: metal masks of the middle slices, bool `[slice, y, x]`.
        kinds: implant type of each slice, an index into `implants.KINDS`, `[slice]`.
        copies: number of mirrored and shifted copies to average, 1 to 4.

    Returns:
        Change to add to the middle slices, HU, `[slice, y, x]`. It is computed from slices clipped to the
        networks' range.
    """
    middle = volume_hu.shape[1] // 2

    def change(planes: Tensor) -> Tensor:
        rows, columns = planes.shape[-2:]
        fold = network.settings.multiple
        whole = pad(planes, (0, -columns % fold, 0, -rows % fold), mode="replicate")
        image = network.aligned(whole[:, :-1], whole[:, -1:], kinds)[2]
        return (image - whole[:, middle : middle + 1])[..., :rows, :columns]

    planes = torch.cat([to_unit(volume_hu), metal[:, None].float()], dim=1)
    return in_hu(averaged_over_flips(change, copies, network.settings.scale)(planes)[:, 0])
