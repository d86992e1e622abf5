"""Settings of the networks and losses: the `[network]` table of a recipe, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from marview.learning.settings import Count, NetworkSettings, Weight, settings_of


class Settings(NetworkSettings):
    """Sizes of the networks and weights of the losses; the defaults come from the paper (Liao 2019).

    Attributes:
        width: number of channels at full resolution; the coarsest feature maps have four times as many.
        blocks: number of residual blocks in every encoder and generator.
        has_norm: whether feature maps are normalised. Normalisation erases absolute HU.
        is_residual: whether generators add a residual, initially zero, to their input image instead of
            generating a new image.
        square_px: side length of the pixel squares that are rearranged into encoder channels; values above 1
            save time.
        sees_details: whether the generator of clean images receives the encoder's feature maps at all
            resolutions.
        crop_px: side length of the training crops in pixels; 0 for whole images.
        calm_steps: number of initial steps that train only the networks for artifact removal, on batches
            with a ground truth and on clean images that must stay unchanged (`unchanged`).
        adversarial: weight of the adversarial losses.
        reconstruction: weight of reconstructing each image from its own codes.
        self_reduction: weight of removing an artifact that was transferred to a clean image.
        artifact: weight of artifact consistency, the difference between the artifact removed from one image and
            the artifact added to the other.
        paired: weight of the mean absolute difference from the ground truth, in batches that have one.
        paired_rms: weight of the root mean square difference from the ground truth, which large errors near
            metal dominate.
        unchanged: weight of the change to clean images. Without this loss, artifact removal may shift grey
            values.
        contrast: weight of the contrast lost in faint lesions, in batches that have a ground truth.
    """

    width: Count = 64
    blocks: Count = 4
    has_norm: bool = True
    is_residual: bool = False
    square_px: Annotated[int, Field(ge=1, le=4)] = 1
    sees_details: bool = False
    crop_px: Annotated[int, Field(ge=0)] = 0
    calm_steps: Annotated[int, Field(ge=0)] = 0
    adversarial: Weight = 1.0
    reconstruction: Weight = 20.0
    self_reduction: Weight = 20.0
    artifact: Weight = 20.0
    paired: Weight = 20.0
    paired_rms: Weight = 0.0
    unchanged: Weight = 0.0
    contrast: Weight = 0.0


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings of a recipe or a weights file.

    Raises:
        BadInput: a name is unknown or a value is invalid.
    """
    return settings_of(Settings, values, "ADN")
