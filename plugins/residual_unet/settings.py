"""Settings for the network and its loss: a recipe's `[network]` table, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from marview.learning.patch_training import PatchSettings
from marview.learning.settings import Count, settings_of


class Settings(PatchSettings):
    """Settings for the size of the network and for the training patches.

    Attributes:
        base: number of channels at the first level.
        fold: edge length of the pixel squares that are rearranged into channels, which saves time at full
            resolution.
        blocks: number of residual blocks at a quarter of the first level's resolution, in the contracting
            path and again in the expanding path; 0 for the published U-Net.
        has_norm: whether batch normalisation, which needs large batches, follows each convolution.
    """

    base: Count = 64
    fold: Annotated[int, Field(ge=1, le=4)] = 1
    blocks: Annotated[int, Field(ge=0)] = 0
    has_norm: bool = True


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings from a recipe or a weights file.

    Raises:
        BadInput: a name is unknown or a value is invalid.
    """
    return settings_of(Settings, values, "the residual U-Net")
