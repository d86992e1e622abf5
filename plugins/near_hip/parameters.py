"""Parameters of the near-hip method."""

from typing import Literal

from pydantic import BaseModel, Field

from .start import Start


class Parameters(BaseModel):
    """Parameters of the near-hip method: how long it learns, and on how fine a scan."""

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
        description="The network works on blocks of so many views and bins, and so sees wider traces; 1 as published.",
        json_schema_extra={"advanced": True},
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
        description="Of everything left to chance.",
        json_schema_extra={"advanced": True},
    )
