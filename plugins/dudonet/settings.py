"""Settings of the networks and of their losses: the `[network]` table of a recipe, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from marview.learning.settings import Count, NetworkSettings, Share, Weight, settings_of


class Losses(NetworkSettings):
    """Weights of the losses, which are equal in the paper.

    Attributes:
        sinogram: weight of the loss of SE-Net's sinogram, equation (4).
        consistency: weight of the loss of its reconstruction, the Radon consistency loss, equation (8).
        image: weight of the loss of the result, equation (10).
    """

    sinogram: Weight = 1.0
    consistency: Weight = 1.0
    image: Weight = 1.0


class Blocks(NetworkSettings):
    """Settings of the blocks of views for training SE-Net alone.

    Attributes:
        views: number of views in a block; a multiple of 32.
        count: number of blocks in a step.
    """

    views: Annotated[int, Field(ge=32, multiple_of=32)] = 64
    count: Count = 4


class Patches(NetworkSettings):
    """Settings of the patches for training IE-Net alone.

    Attributes:
        edge_px: edge of a patch in pixels.
        count: number of patches in a step.
        hard_share: fraction of patches that are placed where IE-Net's input has the largest errors.
    """

    edge_px: Count = 192
    count: Count = 4
    hard_share: Share = 0.5


class Settings(NetworkSettings):
    """Settings of the networks; the defaults come from the paper (Lin 2019).

    Attributes:
        sinogram_net: SE-Net with its mask pyramid, SE-Net with the mask only in its input, or no SE-Net.
        image_net: whether IE-Net refines the image.
        inversion: reconstruction of SE-Net's sinogram: rebinning to parallel rays as in the paper, or FBP of the fan
            beam.
        sinogram_base: width of SE-Net's first level.
        image_base: width of IE-Net's first level.
        has_norm: whether IE-Net has batch normalisation.
        fold: edge of the squares of pixels that are rearranged into channels of IE-Net; more than 1 saves time.
        is_residual: whether SE-Net corrects the interpolated sinogram instead of making a new one as in the paper.
        starts_at_zero: whether IE-Net, and SE-Net if it is residual, initially change nothing.
        sinogram_start: completion of the trace before SE-Net: linear interpolation, or the sinogram of NMAR's prior
            plus the interpolated difference from the measured one. SE-Net then corrects that difference; without
            SE-Net, IE-Net receives the image of this completion. The second is not in the paper.
        image_start: image that IE-Net changes: the linear interpolation image, or Xhat clipped at the value of vacuum,
            which is a better start; Xhat is not in the paper.
        is_relative: whether IE-Net's images are relative to water (water 0, air -1) and its change is in units of 100
            HU, which a network without normalisation learns faster than 1/cm; not in the paper.
        sees_metal: whether the uncorrected image is a further input of IE-Net, because it shows the tissue next to the
            metal; not in the paper.
        sees_hidden: whether IE-Net has two further inputs: the fraction of each pixel's rays in the metal trace, which
            shows where streaks can be, and whether the sinogram is measured, which determines the noise; not in the
            paper.
        losses: losses of the joint training.
        blocks: blocks for training SE-Net alone.
        patches: patches for training IE-Net alone.
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
            raise ValueError("a SE-Net that starts from NMAR's prior corrects this prior, so it must be residual")
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
    """Read the settings of a recipe or a weights file.

    Raises:
        BadInput: a name is unknown, a value is wrong, or values contradict each other.
    """
    return settings_of(Settings, values, "DuDoNet")
