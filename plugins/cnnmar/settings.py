"""Settings of the network and of its patches: the table `[network]` of a recipe, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from marview.learning.settings import Count, NetworkSettings, Share, settings_of


class Settings(NetworkSettings):
    """Settings with the defaults of the paper (Zhang and Yu 2018), except for the rotation of patches.

    Attributes:
        width: channels within the network.
        starts_as_li: whether it begins by handing the image of linear interpolation through.
        patch_px: edge of the patches it is trained on.
        patches: patches of a step.
        hard_share: share of them that is put where linear interpolation errs most.
        quarter_turns: that a patch is turned by at most; 1 in the paper.
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
    """Read the settings of a recipe or a weights file.

    Raises:
        BadInput: a name or value that is not known.
    """
    return settings_of(Settings, values, "CNNMAR")
