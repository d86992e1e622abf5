"""Settings of the networks and of their losses: the `[network]` table of a recipe, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from marview.learning.settings import Count, NetworkSettings, Share, Weight, settings_of


class Losses(NetworkSettings):
    """Weights of the losses of joint training, and the use of blocks of views.

    Attributes:
        prior: weight of loss (2), on the prior image.
        sinogram: weight of loss (6), on the corrected sinogram.
        whole_sinogram: weight, within loss (6), of SinoNet's sinogram outside the trace.
        image: weight of loss (7), on the reconstructed image outside metal.
        block_share: fraction of the steps that use a block of neighbouring views, without reconstruction and loss (7);
            0 in the paper.
        block_views: number of views in a block.
    """

    prior: Weight = 1.0
    sinogram: Weight = 1.0
    whole_sinogram: Weight = 0.1
    image: Weight = 1.0
    block_share: Share = 0.0
    block_views: Annotated[int, Field(ge=32)] = 128


class Patches(NetworkSettings):
    """Settings of the patches for training PriorNet alone.

    Attributes:
        edge_px: edge of a patch in pixels.
        count: number of patches in a step.
        hard_share: fraction of patches that are placed where the image that PriorNet changes has the largest errors.
    """

    edge_px: Count = 192
    count: Count = 4
    hard_share: Share = 0.5


class Blocks(NetworkSettings):
    """Settings of the blocks of views for training SinoNet alone.

    Attributes:
        views: number of views in a block.
        count: number of blocks in a step.
    """

    views: Annotated[int, Field(ge=32)] = 160
    count: Count = 2


class Settings(NetworkSettings):
    """Settings of the networks; the defaults come from the paper (Yu 2020).

    Attributes:
        prior_base: width of PriorNet's first level.
        sinogram_base: width of SinoNet's first level.
        sinogram_unit: unit of SinoNet, as a fraction of `line_unit`; the error of a prior's sinogram is some hundredths
            of `line_unit`.
        has_norm: whether PriorNet has batch normalisation.
        fold: edge of the squares of pixels that are rearranged into channels of PriorNet; more than 1 saves time.
        starts_at_zero: whether both networks initially change nothing.
        prior: prior of SinoNet: PriorNet's image, the same image with the tissue classes of NMAR, or none.
        prior_start: image that PriorNet changes: the linear interpolation image, or NMAR's prior, which is then a
            further input. NMAR's prior is a better start; it is not in the paper.
        prior_input: input of PriorNet: the image with metal and the linear interpolation image, or only the first.
        is_relative: whether PriorNet's input and output are relative to water (water 0, air -1), which a network
            without normalisation learns faster than 1/cm; not in the paper.
        sees_hidden: whether the fraction of each pixel's rays in the metal trace is a further input of PriorNet. It
            shows where streaks can be, even in patches without metal; not in the paper.
        is_residual: whether SinoNet corrects the difference between the prior's sinogram and the interpolated one;
            otherwise it creates a new sinogram from the prior's sinogram.
        start: sinogram that SinoNet corrects: the interpolated one, or the prior's sinogram plus its difference from
            the measured one, interpolated across the trace. The second is a better start; it is not in the paper.
        completion: completion of the trace: by SinoNet, or by interpolation of the difference between the prior's
            sinogram and the measured one, which needs no training and is not in the paper.
        losses: losses of joint training.
        patches: patches for training PriorNet alone.
        blocks: blocks for training SinoNet alone.
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
    """Read the settings of a recipe or a weights file.

    Raises:
        BadInput: a name is unknown or a value is wrong.
    """
    return settings_of(Settings, values, "deep sinogram completion")
