"""Create optimisers, and compute their learning rate as a function of the step."""

import math
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import Optimizer

from marview.learning.recipe import Optimiser

RESUME_WARM_UP = 100
"""Number of warm-up steps after a run was resumed without the moments of its optimisers."""


def optimiser(parameters: Iterable[nn.Parameter], how: Optimiser) -> Optimizer:
    """Create an optimiser for the given network parameters, with the settings from a recipe."""
    changed = list(parameters)
    if how.name == "sgd":
        return torch.optim.SGD(changed, how.learning_rate, momentum=how.momentum, weight_decay=how.weight_decay)
    kind = torch.optim.AdamW if how.name == "adamw" else torch.optim.Adam
    return kind(changed, how.learning_rate, betas=how.betas, weight_decay=how.weight_decay)


def learning_rate(how: Optimiser, step: int, steps: int, warm_from: int | None = None) -> float:
    """Return the learning rate for a training step.

    Args:
        how: settings of the optimisers.
        step: number of the step, counted from 0.
        steps: number of steps in the whole training run.
        warm_from: step at which a new warm-up starts, because training resumed without optimiser moments;
            None otherwise.
    """
    rate = how.learning_rate * how.gamma ** sum(step >= each for each in how.milestones) / (1 + how.decay * step)
    if how.cosine:
        rate *= half_cosine(step / steps)
    if how.warm_up:
        rate *= min(1.0, (step + 1) / how.warm_up)
    if warm_from is not None:
        rate *= min(1.0, (step - warm_from + 1) / RESUME_WARM_UP)
    return rate


def half_cosine(share: float) -> float:
    """Return the learning-rate factor after a fraction of the training; it follows half a cosine from 1 to 0."""
    return (1 + math.cos(math.pi * min(1.0, share))) / 2
