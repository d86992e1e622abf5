"""The networks of ADN (Liao 2019, section III): one pair removes artifacts, the others serve its training."""

from typing import Any

import torch
from torch import Tensor, nn

from marview.learning.networks import Discriminator, Encoder, Generator, Translation

from .settings import Settings

PART = "reduction."
"""Names of the weights that inference needs begin with this."""


def reduction_of(settings: Settings) -> Translation:
    """Build the encoder E_Ia and the generator G_I, which remove artifacts; inference needs nothing else."""
    return Translation(
        settings.width,
        settings.blocks,
        has_norm=settings.has_norm,
        is_residual=settings.is_residual,
        square_px=settings.square_px,
        sees_details=settings.sees_details,
    )


class AdnNetwork(nn.Module):
    """All networks; in the paper's size 27,980,418 parameters generate images and 1,321,858 discriminate.

    Attributes:
        reduction: encoder and generator that remove artifacts (E_Ia and G_I of the paper).
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
        width, blocks = settings.width, settings.blocks
        shared: dict[str, Any] = {"has_norm": settings.has_norm, "square_px": settings.square_px}
        self.reduction = reduction_of(settings)
        self.clean_encoder, self.artifact_encoder = (Encoder(width, blocks, **shared) for _ in range(2))
        self.artifact_generator = Generator(width, blocks, is_residual=settings.is_residual, **shared)
        self.judge_clean, self.judge_artifact = Discriminator(width), Discriminator(width)
        self.register_buffer("steps", torch.tensor(0))

    def share_content(self) -> None:
        """Start the encoder of clean images from the trained encoder of images with metal: both encode content."""
        self.clean_encoder.load_state_dict(self.reduction.encoder.state_dict())

    def made(self, with_metal: Tensor, without_metal: Tensor) -> dict[str, Tensor]:
        """Make all images of a step of two images `[slice, 1, y, x]` in the network's unit.

        Returns:
            Images by name: `reduced` (x̂, the image with metal freed of its artifact), `rebuilt` (the image with metal
            from its own codes), `kept` (the clean image from its own code), `swapped` (the clean image with the other
            image's artifact), `self_reduced` (`swapped` freed of it again).
        """
        make, remove = self.artifact_generator, self.reduction
        codes, clean_codes = remove.encoder(with_metal), self.clean_encoder(without_metal)
        artifact = self.artifact_encoder(with_metal)
        reduced = remove.made_of(codes, with_metal)
        swapped = make(clean_codes[-1], without_metal, artifact)
        return {
            "reduced": reduced,
            # A residual generator starts from its base; without detach, the base would learn the artifact in its stead.
            "rebuilt": make(codes[-1], reduced.detach(), artifact),
            "kept": remove.made_of(clean_codes, without_metal),
            "swapped": swapped,
            "self_reduced": remove(swapped),
        }
