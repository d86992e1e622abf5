"""Settings for the network and its patches: a recipe's `[network]` table, stored with the weights."""

from collections.abc import Mapping
from typing import Any

from marview.learning.patch_training import PatchSettings
from marview.learning.settings import Count, settings_of


class Settings(PatchSettings):
    """Size of the network; the defaults come from the papers.

    Attributes:
        blocks: number of residual dense blocks.
        layers: number of convolutions in a block.
        growth: number of feature maps that each convolution adds.
        features: number of feature maps between the blocks.
        is_residual: whether the network adds a change, initially zero, to its input instead of
            generating a new image.
        patch_px: edge length of the training patches in pixels.
        patches: number of patches in a step.
    """

    blocks: Count = 10
    layers: Count = 8
    growth: Count = 64
    features: Count = 64
    is_residual: bool = False
    patch_px: Count = 128
    patches: Count = 16


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings from a recipe or a weights file.

    Raises:
        BadInput: a name is unknown or a value is invalid.
    """
    return settings_of(Settings, values, "RDN-CT")
