"""One training step: the optimiser of each turn takes one step on the same batch."""

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_

from marview.learning.api import Batch, Trainable
from marview.learning.recipe import Optimiser
from marview.learning.state import Learner
from marview.text import translatable


class NotANumberError(ValueError):
    """Error for a loss or gradient that is not a number; the message names it."""


def take_step(
    trainable: Trainable,
    learner: Learner,
    batch: Batch,
    settings: Mapping[str, Any],
    how: Optimiser,
    rate: float,
    *,
    precision: Callable[[], AbstractContextManager[Any]] = nullcontext,
    join: Callable[[Iterable[nn.Parameter]], None] = lambda _: None,
) -> list[tuple[str, float]]:
    """Take one step with the optimiser of each turn; return the name and value of every loss.

    Turns without losses are skipped.

    Args:
        trainable: network and losses of the method.
        learner: network, optimisers and average, which the step changes.
        batch: training batch.
        settings: settings of the network.
        how: settings of the optimisers.
        rate: learning rate of the step.
        precision: function that returns the context in which losses are computed, such as autocast.
        join: function that averages the gradients over several processes.

    Raises:
        NotANumberError: a loss or a gradient is not a number; the parameters of this turn are unchanged.
    """
    network = learner.network
    found: list[tuple[str, float]] = []
    network.train()
    for turn, turn_optimiser in learner.optimisers.items():
        network.zero_grad(set_to_none=True)
        with precision():
            losses = trainable.losses(network, batch, turn, settings)
        if not losses:
            continue
        loss = torch.stack([each.float() for each in losses.values()]).sum()
        if not bool(torch.isfinite(loss)):
            raise NotANumberError(translatable("the loss"))
        torch.autograd.backward(loss)
        changed = [one for group in turn_optimiser.param_groups for one in group["params"]]
        join(changed)
        if not bool(torch.isfinite(clip_grad_norm_(changed, how.gradient_clip or math.inf))):
            raise NotANumberError(translatable("the gradient"))
        for group in turn_optimiser.param_groups:
            group["lr"] = rate * how.turn_rates.get(turn, 1.0)
        turn_optimiser.step()
        found += [(name, float(each.detach())) for name, each in losses.items()]
    if learner.average is not None:
        learner.average.update_parameters(network)
    return found
