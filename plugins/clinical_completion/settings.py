"""Settings of the network and its training: the table `[network]` of a recipe, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from marview.learning.settings import Count, NetworkSettings, Weight, settings_of


class Blocks(NetworkSettings):
    """Settings of the blocks of sinograms in a training step.

    Attributes:
        views: number of neighbouring views in a block.
        bins: number of neighbouring bins in a block, which lies around a point of the metal trace.
        count: number of blocks in a training step.
    """

    views: Annotated[int, Field(ge=32)] = 128
    bins: Annotated[int, Field(ge=32)] = 128
    count: Count = 8


class Settings(NetworkSettings):
    """Settings of the network and its training.

    Attributes:
        width: width of the two hidden layers.
        closed: initial value of the gates before the logistic function.
        steepness: weight of the differences of the error along the bins, which reconstruction amplifies, relative to
            the error.
        blocks: blocks of a training step.
    """

    width: Count = 16
    closed: float = -2.0
    steepness: Weight = 4.0
    blocks: Blocks = Blocks()


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings of a recipe or of a weights file.

    Raises:
        BadInput: a name is unknown or a value is wrong.
    """
    return settings_of(Settings, values, "clinical sinogram completion")
