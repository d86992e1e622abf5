"""The networks of ADN (Liao 2019, section III); inference uses one encoder and one generator."""

from typing import Any

import torch
from torch import Tensor, nn

from marview.learning.networks import Discriminator, Encoder, Generator, Translation

from .settings import Settings

PART = "reduction."
"""Prefix of the names of weights that inference needs."""


def reduction_of(settings: Settings) -> Translation:
    """Build the encoder E_Ia and the generator G_I, the only networks that inference needs."""
    return Translation(
        settings.width,
        settings.blocks,
        has_norm=settings.has_norm,
        is_residual=settings.is_residual,
        square_px=settings.square_px,
        sees_details=settings.sees_details,
    )


class AdnNetwork(nn.Module):
    """All ADN networks: 27,980,418 parameters in the published size, plus 1,321,858 in the discriminators.

    Attributes:
        reduction: encoder and generator that remove artifacts (E_Ia and G_I of the paper).
        clean_encoder: content encoder for images without metal (E_I).
        artifact_encoder: artifact encoder for images with metal (E_a).
        artifact_generator: generator of images with artifacts (G_Ia).
        judge_clean: discriminator for images without metal (D_I).
        judge_artifact: discriminator for images with metal (D_Ia).
        steps: number of training steps so far, saved with the training state.
    """

    steps: Tensor

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width, blocks = settings.width, settings.blocks
        shared: dict[str, Any] = {"has_norm": settings.has_norm, "square_px": settings.square_px}
        self.reduction = reduction_of(settings)
        self.clean_encoder, self.artifact_encoder = (Encoder(width, blocks, **shared) for _ in range(2))
        self.artifact_generator = Generator(width, blocks, is_residual=settings.is_residual, **shared)
        self.judge_clean, self.judge_artifact = Discriminator(width), Discriminator(width)
        self.register_buffer("steps", torch.tensor(0))

    def share_content(self) -> None:
        """Copy the trained encoder's weights to `clean_encoder`, because both encoders encode content."""
        self.clean_encoder.load_state_dict(self.reduction.encoder.state_dict())

    def made(self, with_metal: Tensor, without_metal: Tensor) -> dict[str, Tensor]:
        """Compute all images of a training step from two images `[slice, 1, y, x]` in the network's unit.

        Returns:
            Images, keyed by name: `reduced` (x̂, the image with metal after artifact removal), `rebuilt` (the
            image with metal, generated from its own codes), `kept` (the clean image, generated from its own
            code), `swapped` (the clean image with the artifact of the other image), `self_reduced` (`swapped`
            after artifact removal).
        """
        make, remove = self.artifact_generator, self.reduction
        codes, clean_codes = remove.encoder(with_metal), self.clean_encoder(without_metal)
        artifact = self.artifact_encoder(with_metal)
        reduced = remove.made_of(codes, with_metal)
        swapped = make(clean_codes[-1], without_metal, artifact)
        return {
            "reduced": reduced,
            # A residual generator adds a change to its base. Without detach, the base would learn the artifact.
            "rebuilt": make(codes[-1], reduced.detach(), artifact),
            "kept": remove.made_of(clean_codes, without_metal),
            "swapped": swapped,
            "self_reduced": remove(swapped),
        }
