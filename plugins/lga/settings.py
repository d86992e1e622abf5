"""Settings for the networks and their training: a recipe's `[network]` table, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from marview.learning.settings import Count, NetworkSettings, Share, Weight, settings_of


class Settings(NetworkSettings):
    """Network sizes and loss weights.

    Attributes:
        slices: odd number of slices that the encoder receives.
        fold: edge length of the pixel squares that are rearranged into channels before the first layer; 1
            for no rearrangement.
        widths: number of autoencoder channels at each resolution; each resolution is half the previous one.
        blocks: number of residual blocks at each resolution of the autoencoder.
        latent: number of channels in a latent code.
        starts_linear: whether the autoencoder starts as a discrete cosine transform, with the output of its
            other layers initially zero.
        alignment_widths: number of channels of the alignment network at each resolution.
        alignment_blocks: number of residual blocks at each resolution of the alignment network.
        heads: number of attention heads.
        sees_mask: whether the alignment network receives the metal mask.
        sees_implant: whether the alignment network receives the implant type.
        contrast_width: number of channels in the first layer of the contrastive encoders.
        has_norm: whether group normalisation precedes each layer; its statistics differ between crops and
            whole slices.
        adds_change: whether the result is the input image plus the change in the decoded image, instead of
            the decoded image itself.
        crop_px: edge length of the training crops in pixels; 0 for whole slices.
        altered: fraction of crops whose middle slice is masked, blurred or downsampled for the encoder.
        gsi: fraction of spectral images among the training images of the spectral decoder; the others are
            clean slices.
        reach_px: distance from metal in pixels up to which the image loss counts.
        bound_hu: error in HU above which the image loss is linear instead of squared; 0 to square all
            errors.
        kl: weight of the divergence of codes from a normal distribution.
        gradient: weight of the difference between image gradients.
        image: weight of the difference between the result and the spectral image.
        code: weight of the difference between the codes of the result and the spectral image.
        invariant: weight of the difference between the contrastive features of the ordinary and the aligned code
            (the information-invariant loss of the paper).
        contrast: weight of the relative error in the contrast of faint lesions.
    """

    slices: Count = 3
    fold: Literal[1, 2, 4] = 1
    widths: Annotated[tuple[Count, ...], Field(min_length=1)] = (64, 128, 256)
    blocks: Count = 2
    latent: Count = 4
    starts_linear: bool = False
    alignment_widths: Annotated[tuple[Count, ...], Field(min_length=1)] = (128, 256, 256)
    alignment_blocks: Count = 2
    heads: Count = 8
    sees_mask: bool = True
    sees_implant: bool = True
    contrast_width: Count = 64
    has_norm: bool = True
    adds_change: bool = False
    crop_px: Annotated[int, Field(ge=0)] = 0
    altered: Share = 0.5
    gsi: Share = 0.25
    reach_px: Annotated[float, Field(gt=0)] = 60.0
    bound_hu: Annotated[float, Field(ge=0)] = 0.0
    kl: Weight = 1e-6
    gradient: Weight = 0.1
    image: Weight = 1.0
    code: Weight = 1.0
    invariant: Weight = 1e-3
    contrast: Weight = 0.0

    @field_validator("slices")
    @classmethod
    def _odd(cls, slices: int) -> int:
        if slices % 2 == 0:
            raise ValueError(f"{slices} slices have no middle slice; use an odd number")
        return slices

    @property
    def scale(self) -> int:
        """Edge length, in pixels, of the image square that one position of a latent code represents."""
        return self.fold * (1 << len(self.widths) - 1)

    @property
    def multiple(self) -> int:
        """Number that must divide the height and width of images, in pixels."""
        return self.scale * (1 << len(self.alignment_widths) - 1)


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings from a recipe or a weights file.

    Raises:
        BadInput: a name is unknown or a value is invalid.
    """
    return settings_of(Settings, values, "Latent GSI Alignment")
