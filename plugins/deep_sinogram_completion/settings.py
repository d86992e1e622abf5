"""Settings of the networks and of their losses: the table `[network]` of a recipe, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from marview.learning.settings import Count, NetworkSettings, Share, Weight, settings_of


class Losses(NetworkSettings):
    """Weights of the losses, and how often they are taken of a part of the scan.

    Attributes:
        prior: (2), of the prior image.
        sinogram: (6), of the corrected sinogram.
        whole_sinogram: (6), of SinoNet's sinogram outside the trace as well, within the former.
        image: (7), of the reconstructed image outside the metal.
        block_share: of the steps that are taken on a block of neighbouring views, without reconstruction and so
            without (7); 0 in the paper, whose steps are whole.
        block_views: number of views of a block.
    """

    prior: Weight = 1.0
    sinogram: Weight = 1.0
    whole_sinogram: Weight = 0.1
    image: Weight = 1.0
    block_share: Share = 0.0
    block_views: Annotated[int, Field(ge=32)] = 128


class Patches(NetworkSettings):
    """Parts of slices that PriorNet alone is trained on.

    Attributes:
        edge_px: edge of a patch.
        count: number of patches of a step.
        hard_share: share of them that is put where PriorNet's start errs most.
    """

    edge_px: Count = 192
    count: Count = 4
    hard_share: Share = 0.5


class Blocks(NetworkSettings):
    """Neighbouring views that SinoNet alone is trained on.

    Attributes:
        views: number of views of a block.
        count: number of blocks of a step.
    """

    views: Annotated[int, Field(ge=32)] = 160
    count: Count = 2


class Settings(NetworkSettings):
    """The networks. Defaults are the paper's (Yu 2020).

    Attributes:
        prior_base: width of PriorNet's first level.
        sinogram_base: width of SinoNet's first level.
        sinogram_unit: what SinoNet takes for one, as a share of the line integral that grows with the field of view;
            what a prior leaves to be corrected is some hundredths of it.
        has_norm: whether PriorNet normalizes batches.
        fold: PriorNet sees pixels in blocks of this edge, folded into channels, and works on so many fewer.
        starts_at_zero: whether both networks begin by changing nothing.
        prior: what guides SinoNet: PriorNet's image, that image made of air, water and bone as NMAR's, or nothing.
        prior_start: what PriorNet changes: the image of linear interpolation, or NMAR's prior made of it, which it then
            sees as well; it is good before PriorNet has learned anything, and not in the paper.
        prior_input: what PriorNet sees: the image with metal and that of linear interpolation, or the first alone.
        is_relative: whether PriorNet's images and what it adds are relative to water, 0 water and -1 air, which a
            network without normalization learns faster than 1/cm; not in the paper.
        sees_hidden: whether PriorNet also sees which share of the rays through each pixel metal hides, and so where
            the streaks can be, even in a part of a slice without metal; not in the paper.
        is_residual: whether SinoNet sees how the prior's sinogram differs from the interpolated one and corrects that;
            else it sees the prior's sinogram and makes a new one.
        start: what SinoNet corrects: the interpolated sinogram, or the prior's with the difference to the measured one
            interpolated across the trace, which is good before SinoNet has learned anything and not in the paper.
        completion: what fills the trace: SinoNet, or interpolation of the difference between the prior's sinogram and
            the measured one, which needs no training; not in the paper.
        losses: losses of the training of both networks.
        patches: patches of the training of PriorNet alone.
        blocks: blocks of the training of SinoNet alone.
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
        BadInput: a name or value that is not known.
    """
    return settings_of(Settings, values, "deep sinogram completion")
