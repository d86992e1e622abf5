"""Settings for the networks and losses: a recipe's `[network]` table, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from marview.learning.settings import Count, NetworkSettings, Weight, settings_of


class Settings(NetworkSettings):
    """Variant, network sizes and loss weights; the defaults come from the papers.

    Attributes:
        variant: cgan (pairs, Isola 2017 and Wang 2018) or cyclegan (unpaired images, Zhu 2017).
        width: number of channels at full resolution; the coarsest feature maps have four times as many.
        blocks: number of residual blocks in the encoder half of a generator, and again in its decoder half.
        has_norm: whether feature maps are normalised.
        is_residual: whether generators add a change, initially zero, to their input.
        square_px: edge length of the pixel squares that are rearranged into the encoders' channels; values
            above 1 save time.
        sees_details: whether generators receive the encoder's feature maps at all resolutions, as in a
            U-Net.
        crop_px: edge length of the training crops in pixels; 0 for whole images.
        adversarial: weight of the adversarial losses.
        truth: weight of the difference from the ground truth (cgan).
        cycle: weight of the difference between an image and the same image after both translations
            (cyclegan).
        identity: weight of the change that a translation makes to images of its target domain (cyclegan).
    """

    variant: Literal["cgan", "cyclegan"]
    width: Count = 64
    blocks: Count = 4
    has_norm: bool = True
    is_residual: bool = False
    square_px: Annotated[int, Field(ge=1, le=4)] = 1
    sees_details: bool = False
    crop_px: Annotated[int, Field(ge=0)] = 0
    adversarial: Weight = 1.0
    truth: Weight = 100.0
    cycle: Weight = 10.0
    identity: Weight = 5.0


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings from a recipe or a weights file.

    Raises:
        BadInput: a name is unknown or a value is invalid.
    """
    return settings_of(Settings, values, "the image GANs")
