"""Specification, progress and outcome of a training run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from marview.learning.api import BatchSource, Trainable
from marview.learning.machine import Machine
from marview.learning.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Plan:
    """Specification of a training run.

    Attributes:
        method: id of the method.
        version: version of the method.
        trainable: network and losses of the method.
        recipe: recipe of the training.
        pairs: training batches.
        validation: held-out batches.
        folder: folder of the run.
        machine: devices and processes for training.
        begins_with: weights file for a new run. Tensors with matching names and shapes become the initial
            weights. None for random weights.
    """

    method: str
    version: str
    trainable: Trainable
    recipe: Recipe
    pairs: BatchSource
    validation: BatchSource
    folder: Path
    machine: Machine
    begins_with: Path | None = None


@dataclass(frozen=True)
class News:
    """Progress of the training.

    Attributes:
        step: number of finished steps.
        steps: number of steps in the whole training run.
        loss: loss of the last step.
        minutes: duration so far, including earlier sessions.
    """

    step: int
    steps: int
    loss: float
    minutes: float


@dataclass(frozen=True)
class Ending:
    """Outcome of a training session.

    Attributes:
        reason: "done" after all steps, "time" after the time limit, "asked" after cancellation by the user.
        step: number of finished steps.
        minutes: duration so far, including earlier sessions.
    """

    reason: Literal["done", "time", "asked"]
    step: int
    minutes: float
