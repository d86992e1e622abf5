"""Settings for the networks and losses: a recipe's `[network]` table, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from marview.learning.settings import Count, NetworkSettings, Share, Weight, settings_of


class Losses(NetworkSettings):
    """Loss weights; in the paper, they are equal.

    Attributes:
        sinogram: weight of the loss on SE-Net's sinogram, equation (4).
        consistency: weight of the Radon consistency loss on the image of SE-Net's sinogram, equation (8).
        image: weight of the loss on the result, equation (10).
    """

    sinogram: Weight = 1.0
    consistency: Weight = 1.0
    image: Weight = 1.0


class Blocks(NetworkSettings):
    """Settings for the blocks of views used to train SE-Net alone.

    Attributes:
        views: number of views in a block; a multiple of 32.
        count: number of blocks per step.
    """

    views: Annotated[int, Field(ge=32, multiple_of=32)] = 64
    count: Count = 4


class Patches(NetworkSettings):
    """Patch settings for training IE-Net alone.

    Attributes:
        edge_px: edge length of a patch in pixels.
        count: number of patches per step.
        hard_share: fraction of patches placed where IE-Net's input has the largest errors.
    """

    edge_px: Count = 192
    count: Count = 4
    hard_share: Share = 0.5


class Settings(NetworkSettings):
    """Settings for the networks; the defaults come from the paper (Lin 2019).

    Attributes:
        sinogram_net: SE-Net with its mask pyramid, SE-Net with the mask as an input only, or no SE-Net.
        image_net: whether IE-Net refines the image.
        inversion: how SE-Net's sinogram is reconstructed: with rebinning to parallel rays, as in the paper,
            or with FBP of the fan beam.
        sinogram_base: width of SE-Net's first level.
        image_base: width of IE-Net's first level.
        has_norm: whether IE-Net has batch normalisation.
        fold: edge length of the pixel squares that are rearranged into IE-Net's channels; values above 1
            save time.
        is_residual: whether SE-Net corrects the interpolated sinogram; in the paper, it predicts a new one.
        starts_at_zero: whether the output of IE-Net, and of a residual SE-Net, is initially zero, so that
            they change nothing.
        sinogram_start: initial completion of the trace: linear interpolation, or the sinogram of NMAR's
            prior plus its interpolated difference from the measured sinogram. In the second case, which is
            not in the paper, SE-Net corrects that difference; without SE-Net, IE-Net receives the image of
            this completion.
        image_start: image that IE-Net corrects: the linear interpolation image, or Xhat, with the result
            clipped at the value of vacuum. Xhat is a better starting point, but it is not in the paper.
        is_relative: whether IE-Net's input is relative to water (water 0, air -1) and its output is in units
            of 100 HU. A network without normalisation learns faster in these units than in 1/cm. Not in the
            paper.
        sees_metal: whether IE-Net also receives the uncorrected image, which shows the tissue next to the
            metal; not in the paper.
        sees_hidden: whether IE-Net has two further inputs: the fraction of each pixel's rays that lie in the
            metal trace, which shows where streaks can occur, and whether the sinogram was measured, which
            affects the noise. Not in the paper.
        losses: loss weights for joint training.
        blocks: block settings for training SE-Net alone.
        patches: patch settings for training IE-Net alone.
    """

    sinogram_net: Literal["pyramid", "plain", "none"] = "pyramid"
    image_net: bool = True
    inversion: Literal["rebinned", "direct"] = "rebinned"
    sinogram_base: Count = 64
    image_base: Count = 64
    has_norm: bool = True
    fold: Count = 1
    is_residual: bool = False
    starts_at_zero: bool = False
    sinogram_start: Literal["li", "nmar"] = "li"
    image_start: Literal["li", "inverted"] = "li"
    is_relative: bool = False
    sees_metal: bool = False
    sees_hidden: bool = False
    losses: Losses = Losses()
    blocks: Blocks = Blocks()
    patches: Patches = Patches()

    @property
    def changes_sinogram(self) -> bool:
        """Whether Xhat differs from the linear interpolation image."""
        return self.sinogram_net != "none" or self.sinogram_start != "li"

    @model_validator(mode="after")
    def _has_a_network(self) -> Self:
        if self.sinogram_net == "none" and not self.image_net:
            raise ValueError("there is nothing to learn without SE-Net and without IE-Net")
        if self.sinogram_start == "nmar" and self.sinogram_net != "none" and not self.is_residual:
            raise ValueError("an SE-Net that starts from NMAR's prior corrects this prior, so it must be residual")
        return self


_NO_CONSISTENCY = {"consistency": 0.0}

ABLATIONS: dict[str, dict[str, Any]] = {
    "A": {"sinogram_net": "plain", "image_net": False, "losses": _NO_CONSISTENCY},
    "B": {"sinogram_net": "pyramid", "image_net": False, "losses": _NO_CONSISTENCY},
    "C": {"sinogram_net": "none", "image_net": True, "losses": _NO_CONSISTENCY},
    "D": {"sinogram_net": "plain", "image_net": True, "losses": _NO_CONSISTENCY},
    "E": {"sinogram_net": "pyramid", "image_net": True, "losses": _NO_CONSISTENCY},
    "F": {"sinogram_net": "plain", "image_net": True},
    "G": {"sinogram_net": "pyramid", "image_net": True},
}
"""Settings of the rows in table 1 of the paper; G is the complete method."""


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings from a recipe or a weights file.

    Raises:
        BadInput: a name is unknown, a value is invalid, or values contradict each other.
    """
    return settings_of(Settings, values, "DuDoNet")
