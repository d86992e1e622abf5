"""Settings of the network and its training: the `[network]` table of a recipe, which is stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from marview.learning.settings import Count, NetworkSettings, settings_of


class Settings(NetworkSettings):
    """Settings of the network and its training.

    Attributes:
        widths: channels of each level, from fine to coarse.
        blocks: residual blocks of each level.
        crop_px: side length of the square training crops near metal; 0 for whole slices.
    """

    widths: Annotated[tuple[Count, ...], Field(min_length=1)] = (48, 96, 128)
    blocks: Annotated[tuple[Count, ...], Field(min_length=1)] = (1, 3, 4)
    crop_px: Annotated[int, Field(ge=0)] = 224

    @model_validator(mode="after")
    def _one_number_for_each_level(self) -> Self:
        if len(self.widths) != len(self.blocks):
            raise ValueError("widths and blocks must have the same number of levels")
        return self


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings of a recipe or of a weights file.

    Raises:
        BadInput: a name is unknown or a value is invalid.
    """
    return settings_of(Settings, values, "clinical sinogram completion")
