"""Settings for the network and its patches: a recipe's `[network]` table, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from marview.learning.settings import Count, NetworkSettings, Share, settings_of


class Settings(NetworkSettings):
    """Settings with the defaults of the paper (Zhang and Yu 2018), except for the rotation of patches.

    Attributes:
        width: number of channels in the hidden layers.
        starts_as_li: whether the network initially returns the linear interpolation image.
        patch_px: edge length of the training patches in pixels.
        patches: number of patches per step.
        hard_share: fraction of patches placed where linear interpolation has the largest errors.
        quarter_turns: maximum number of quarter turns applied to a patch; 1 in the paper.
        mirrors: whether half of the patches are mirrored; not in the paper.
    """

    width: Count = 32
    starts_as_li: bool = False
    patch_px: Count = 64
    patches: Count = 16
    hard_share: Share = 0.6
    quarter_turns: Annotated[int, Field(ge=0, le=3)] = 3
    mirrors: bool = True


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings from a recipe or a weights file.

    Raises:
        BadInput: a name is unknown or a value is invalid.
    """
    return settings_of(Settings, values, "CNNMAR")
