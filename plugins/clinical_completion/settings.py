"""Settings of the network and its training: the table `[network]` of a recipe, stored with the weights."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from marview.learning.settings import Count, NetworkSettings, Weight, settings_of


class Blocks(NetworkSettings):
    """Parts of sinograms in a training step.

    Attributes:
        views: neighbouring views of a block.
        bins: neighbouring bins of a block, around a place in the metal trace.
        count: blocks of a step.
    """

    views: Annotated[int, Field(ge=32)] = 128
    bins: Annotated[int, Field(ge=32)] = 128
    count: Count = 8


class Settings(NetworkSettings):
    """Settings of the network and its training.

    Attributes:
        width: width of the two hidden layers.
        closed: initial value of the gates, before the logistic function.
        steepness: weight of the error's difference along the bins, relative to the error; reconstruction amplifies it.
        blocks: blocks of a training step.
    """

    width: Count = 16
    closed: float = -2.0
    steepness: Weight = 4.0
    blocks: Blocks = Blocks()


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings of a recipe or of a weights file.

    Raises:
        BadInput: an unknown name or value.
    """
    return settings_of(Settings, values, "clinical sinogram completion")
