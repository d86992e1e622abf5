"""Settings of the network and its small scan: the table `[network]` of a recipe, and parameters of a run."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from marview.learning.settings import NetworkSettings, Weight, settings_of

Start = Literal["nothing", "li", "nmar"]
"""What the network corrects: nothing (it makes its own sinogram, as published), linear interpolation, NMAR."""


class Network(BaseModel):
    """Settings of a network and of the small scan that it learns on."""

    channels: int = Field(
        32,
        ge=1,
        le=128,
        title="Channels",
        description="Of the network; 64 have 413,761 parameters and take four times as long as 32.",
        json_schema_extra={"step": 16, "advanced": True},
    )
    size_px: int = Field(
        256,
        ge=64,
        le=512,
        title="Grid",
        description="Rows and columns of the grid that is learned on.",
        json_schema_extra={"unit": "px", "step": 32, "advanced": True},
    )
    views: int = Field(
        180,
        ge=16,
        le=1440,
        title="Views",
        description="Over half a turn of the parallel scan that is learned on.",
        json_schema_extra={"step": 30, "advanced": True},
    )
    block_views: int = Field(
        0,
        ge=0,
        le=1440,
        title="Views of a step",
        description="Neighbouring views that a step sees; 0 for all, as published.",
        json_schema_extra={"step": 15, "advanced": True},
    )
    block_bins: int = Field(
        0,
        ge=0,
        le=1024,
        title="Bins of a step",
        description="Neighbouring bins about the trace that a step sees; 0 for all, as published.",
        json_schema_extra={"step": 16, "advanced": True},
    )
    start: Start = Field(
        "nmar",
        title="Starts at",
        description="What the network corrects, so that a short training is of use: NMAR's completion, linear "
        "interpolation, or nothing, as published.",
        json_schema_extra={"advanced": True},
    )
    fold: int = Field(
        4,
        ge=1,
        le=16,
        title="Fold",
        description="Views and bins of the blocks that the network sees as one; larger ones show it wider traces.",
        json_schema_extra={"advanced": True},
    )


class Settings(Network, NetworkSettings):
    """Settings of a recipe or a weights file; `outside` is the weight of the sinogram beside the trace."""

    outside: Weight = 0.05


class Learning(BaseModel):
    """How a run learns."""

    minutes: float = Field(
        4.0,
        gt=0,
        le=600,
        title="Learn for",
        description="Training ends after so long, or after its steps.",
        json_schema_extra={"unit": "min", "step": 1},
    )
    begin: Literal["weights", "nothing"] = Field(
        "weights",
        title="Begins with",
        description="The weights that come with the method, which learned from other people's slices; or nothing, as "
        "published: then let it learn 1,500 steps at a learning rate of 0.003.",
    )
    steps: int = Field(
        300,
        ge=1,
        le=100_000,
        title="Steps",
        description="Steps of training; the learning rate falls along half a cosine to their end.",
        json_schema_extra={"step": 50},
    )
    learning_rate: float = Field(
        1e-4, gt=0, le=1, title="Learning rate", description="Of Adam.", json_schema_extra={"advanced": True}
    )
    reuse: Literal["same", "alike"] = Field(
        "same",
        title="Learned before",
        description="What an earlier run learned from this scan is used again where the metal masks are the same, or "
        "also where a little was changed (Dice 0.8), so that nobody waits after each stroke of the brush.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**31,
        title="Seed",
        description="Start of the random numbers; the same seed gives the same training.",
        json_schema_extra={"advanced": True},
    )


class Parameters(Network, Learning):
    """Parameters of the near-hip method: how long it learns, and on how fine a scan."""

    @property
    def network(self) -> dict[str, Any]:
        """The settings of the network, as in a recipe. A network that makes its own sinogram learns all of it."""
        return self.model_dump(include=set(Network.model_fields)) | {
            "outside": 1.0 if self.start == "nothing" else 0.05
        }


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Settings of a recipe or a weights file.

    Raises:
        BadInput: an unknown name or a wrong value.
    """
    return settings_of(Settings, values, "the near-hip network")
