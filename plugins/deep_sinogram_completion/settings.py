"""Settings for the networks and losses: a recipe's `[network]` table, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from marview.learning.settings import Count, NetworkSettings, Share, Weight, settings_of


class Losses(NetworkSettings):
    """Loss weights for joint training, and settings for training on blocks of views.

    Attributes:
        prior: weight of loss (2), on the prior image.
        sinogram: weight of loss (6), on the corrected sinogram.
        whole_sinogram: weight, within loss (6), of the error in SinoNet's output, including rays outside the
            trace.
        image: weight of loss (7), on the reconstructed image outside metal.
        block_share: fraction of the steps that use a block of neighbouring views and skip the reconstruction
            and loss (7); 0 in the paper.
        block_views: number of views in a block.
    """

    prior: Weight = 1.0
    sinogram: Weight = 1.0
    whole_sinogram: Weight = 0.1
    image: Weight = 1.0
    block_share: Share = 0.0
    block_views: Annotated[int, Field(ge=32)] = 128


class Patches(NetworkSettings):
    """Patch settings for training PriorNet alone.

    Attributes:
        edge_px: edge length of a patch in pixels.
        count: number of patches per step.
        hard_share: fraction of patches placed where the image that PriorNet corrects has the largest errors.
    """

    edge_px: Count = 192
    count: Count = 4
    hard_share: Share = 0.5


class Blocks(NetworkSettings):
    """Settings for the blocks of views used to train SinoNet alone.

    Attributes:
        views: number of views in a block.
        count: number of blocks per step.
    """

    views: Annotated[int, Field(ge=32)] = 160
    count: Count = 2


class Settings(NetworkSettings):
    """Settings for the networks; the defaults come from the paper (Yu 2021).

    Attributes:
        prior_base: width of PriorNet's first level.
        sinogram_base: width of SinoNet's first level.
        sinogram_unit: unit of SinoNet's input and output, as a fraction of `line_unit`; the error of a
            prior's sinogram is a few hundredths of `line_unit`.
        has_norm: whether PriorNet has batch normalisation.
        fold: edge length of the pixel squares that are rearranged into PriorNet's channels; values above 1
            save time.
        starts_at_zero: whether the output of both networks is initially zero, so that they have no effect.
        prior: prior image for SinoNet: either PriorNet's image, or this image reduced to NMAR's tissue
            classes, or none.
        prior_start: image that PriorNet corrects: the linear interpolation image, or NMAR's prior, which
            then becomes an additional input. NMAR's prior is a better starting point, but it is not in the
            paper.
        prior_input: input of PriorNet: the image with metal and the linear interpolation image, or only the
            image with metal.
        is_relative: whether PriorNet's input and output are relative to water (water 0, air -1). A network
            without normalisation learns faster in this unit than in 1/cm. Not in the paper.
        sees_hidden: whether PriorNet also receives the fraction of each pixel's rays that lie in the metal
            trace. This input shows where streaks can occur, even in patches without metal. Not in the paper.
        is_residual: whether SinoNet corrects the difference between the prior's sinogram and the
            interpolated one; otherwise it creates a new sinogram from the prior's sinogram.
        start: sinogram that SinoNet corrects: the interpolated sinogram, or the prior's sinogram, adjusted
            to the measured sinogram at the edges of the trace. The prior's sinogram is a better starting
            point, but it is not in the paper.
        completion: how the trace is completed: by SinoNet, or by interpolating the difference between the
            measured sinogram and the prior's sinogram. Interpolation needs no training and is not in the
            paper.
        losses: settings for the losses of joint training.
        patches: patch settings for training PriorNet alone.
        blocks: block settings for training SinoNet alone.
    """

    prior_base: Count = 32
    sinogram_base: Count = 64
    sinogram_unit: Annotated[float, Field(gt=0)] = 1.0
    has_norm: bool = True
    fold: Count = 1
    starts_at_zero: bool = False
    prior: Literal["network", "tissue", "none"] = "network"
    prior_start: Literal["li", "nmar"] = "li"
    prior_input: Literal["both", "metal"] = "both"
    is_relative: bool = False
    sees_hidden: bool = False
    is_residual: bool = True
    start: Literal["li", "prior"] = "li"
    completion: Literal["network", "interpolation"] = "network"
    losses: Losses = Losses()
    patches: Patches = Patches()
    blocks: Blocks = Blocks()


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings from a recipe or a weights file.

    Raises:
        BadInput: a name is unknown or a value is invalid.
    """
    return settings_of(Settings, values, "deep sinogram completion")
