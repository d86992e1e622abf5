"""The networks of cGAN-MAR and CycleGAN; images are in the unit of `marview.methods.image_domain`."""

from torch import nn

from marview.learning.networks import Discriminator, Translation

from .settings import Settings

PART = "reduction."
"""Prefix of the names of weights that inference needs."""


def translation_of(settings: Settings) -> Translation:
    """Build a generator for one direction of image translation."""
    return Translation(
        settings.width,
        settings.blocks,
        has_norm=settings.has_norm,
        is_residual=settings.is_residual,
        has_merges=False,
        square_px=settings.square_px,
        sees_details=settings.sees_details,
    )


class CGan(nn.Module):
    """cGAN-MAR, whose discriminator receives the uncorrected and the corrected image as two channels.

    Attributes:
        reduction: network that removes artifacts.
        judge_clean: discriminator for corrected images.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.reduction = translation_of(settings)
        self.judge_clean = Discriminator(settings.width, inputs=2)


class CycleGan(nn.Module):
    """CycleGAN, with one network that removes artifacts and another that adds them.

    Attributes:
        reduction: network that removes artifacts.
        addition: network that adds artifacts.
        judge_clean: discriminator for images without metal.
        judge_artifact: discriminator for images with metal.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.reduction, self.addition = translation_of(settings), translation_of(settings)
        self.judge_clean, self.judge_artifact = Discriminator(settings.width), Discriminator(settings.width)
