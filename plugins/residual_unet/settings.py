"""Settings of the network and its loss: the table `[network]` of a recipe, kept with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from marview.learning.settings import Count, NetworkSettings, Share, settings_of


class Settings(NetworkSettings):
    """Size of the network and its patches.

    Attributes:
        base: channels of the first level.
        fold: the network sees squares of this many pixels as channels, which saves time at full resolution.
        has_norm: whether batch normalisation follows every convolution. It needs large batches.
        patch_px: edge of the patches a step learns from.
        patches: number of patches of a step.
        hard_share: share of patches placed where the artifact is strong.
        clean_share: share of patches without artifact, which the network must leave unchanged.
    """

    base: Count = 64
    fold: Annotated[int, Field(ge=1, le=4)] = 1
    has_norm: bool = True
    patch_px: Count = 256
    patches: Count = 8
    hard_share: Share = 0.0
    clean_share: Share = 0.0


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Settings of a recipe or of a weights file.

    Raises:
        BadInput: an unknown name or a wrong value.
    """
    return settings_of(Settings, values, "the residual U-Net")
