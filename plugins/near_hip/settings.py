"""Settings of the network and of the scan it learns on: the table `[network]` of a recipe."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from marview.learning.settings import Count, NetworkSettings, Weight, settings_of

from .start import Start

_Part = Annotated[int, Field(ge=0)]


class Settings(NetworkSettings):
    """Defaults are the paper's.

    Attributes:
        channels: number of channels of the network.
        fold: edge of the blocks of views and bins that it works on.
        start: what it corrects: NMAR's completion, linear interpolation, or nothing.
        outside: weight of the sinogram beside the trace.
        block_views: neighbouring views of a step; 0 for all.
        block_bins: neighbouring bins of a step; 0 for all.
        size_px: rows and columns of the scan that is learned on.
        views: number of views of that scan.
    """

    channels: Count = 64
    fold: Count = 1
    start: Start = "nothing"
    outside: Weight = 1.0
    block_views: _Part = 0
    block_bins: _Part = 0
    size_px: Annotated[int, Field(ge=16)] = 416
    views: Count = 360


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Settings of a recipe.

    Raises:
        BadInput: a name or value that is not known.
    """
    return settings_of(Settings, values, "the near-hip network")
