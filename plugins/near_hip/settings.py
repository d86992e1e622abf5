"""Settings for the network and its small scan, as a recipe's `[network]` table and as run parameters."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from marview.learning.settings import NetworkSettings, Weight, settings_of

Start = Literal["nothing", "li", "nmar"]
"""Completion that the network corrects: LI, NMAR, or nothing, as in the paper, where it predicts the sinogram."""


class Network(BaseModel):
    """Settings for a network and its small scan."""

    channels: int = Field(
        32,
        ge=1,
        le=128,
        title="Channels",
        description="Number of channels of the network. A network with 64 channels has 413,761 parameters and takes "
        "four times as long as one with 32.",
        json_schema_extra={"step": 16, "advanced": True},
    )
    size_px: int = Field(
        256,
        ge=64,
        le=512,
        title="Grid",
        description="Side length of the square training images.",
        json_schema_extra={"unit": "px", "step": 32, "advanced": True},
    )
    views: int = Field(
        180,
        ge=16,
        le=1440,
        title="Views",
        description="Number of views over half a turn in the simulated parallel-beam scans on which the network "
        "trains.",
        json_schema_extra={"step": 30, "advanced": True},
    )
    block_views: int = Field(
        0,
        ge=0,
        le=1440,
        title="Views per step",
        description="Number of neighbouring views used in each training step; 0 uses all views, as in the paper.",
        json_schema_extra={"step": 15, "advanced": True},
    )
    block_bins: int = Field(
        0,
        ge=0,
        le=1024,
        title="Bins per step",
        description="Number of neighbouring detector bins around the trace used in each training step; 0 uses all "
        "bins, as in the paper.",
        json_schema_extra={"step": 16, "advanced": True},
    )
    start: Start = Field(
        "nmar",
        title="Initial completion",
        description="Initial completion of the trace, which the network then corrects: NMAR or linear interpolation "
        "(short training is enough), or nothing (as in the paper).",
        json_schema_extra={"advanced": True},
    )
    fold: int = Field(
        4,
        ge=1,
        le=16,
        title="Fold",
        description="Size of the blocks, in views and in bins, that the network processes as a unit; larger blocks "
        "suit wider traces.",
        json_schema_extra={"advanced": True},
    )


class Settings(Network, NetworkSettings):
    """Settings in a recipe or a weights file; `outside` is the weight of the loss outside the trace."""

    outside: Weight = 0.05


class Learning(BaseModel):
    """Settings for training during a run."""

    minutes: float = Field(
        4.0,
        gt=0,
        le=600,
        title="Training time",
        description="Maximum training time. Training stops earlier if it completes all steps.",
        json_schema_extra={"unit": "min", "step": 1},
    )
    begin: Literal["weights", "nothing"] = Field(
        "weights",
        title="Initial weights",
        description="Start from the bundled weights, which were trained on other patients (weights), or from random "
        "weights, as in the paper (nothing). With random weights, use 1,500 steps and a learning rate of 0.003.",
    )
    steps: int = Field(
        300,
        ge=1,
        le=100_000,
        title="Steps",
        description="Maximum number of training steps. The learning rate decreases along half a cosine.",
        json_schema_extra={"step": 50},
    )
    learning_rate: float = Field(
        1e-4,
        gt=0,
        le=1,
        title="Learning rate",
        description="Learning rate of the Adam optimiser.",
        json_schema_extra={"advanced": True},
    )
    reuse: Literal["same", "alike"] = Field(
        "same",
        title="Reuse training",
        description="Reuse the network that an earlier run trained on this scan: only with the same metal masks, or "
        "also with similar masks (Dice score of 0.8 or more), so that a small change to the mask needs no new "
        "training.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**31,
        title="Seed",
        description="Seed of the random numbers; the same seed gives the same training.",
        json_schema_extra={"advanced": True},
    )


class Parameters(Network, Learning):
    """Parameters of the near-hip method: settings for its training, network and small scan."""

    @property
    def network(self) -> dict[str, Any]:
        """Settings of the network, as in a recipe.

        A network without an initial completion is trained on the whole sinogram.
        """
        return self.model_dump(include=set(Network.model_fields)) | {
            "outside": 1.0 if self.start == "nothing" else 0.05
        }


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Read the settings from a recipe or a weights file.

    Raises:
        BadInput: a name is unknown or a value is invalid.
    """
    return settings_of(Settings, values, "the near-hip network")
