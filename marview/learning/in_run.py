"""Train a network during a correction, for methods that learn from the scan that they correct."""

import time
from collections.abc import Mapping
from typing import Any

from torch import nn

from marview.errors import MethodFailed
from marview.learning.api import BatchSource, Trainable
from marview.learning.recipe import Optimiser
from marview.learning.schedule import half_cosine, optimiser
from marview.learning.state import Learner
from marview.learning.step import NotANumberError, take_step
from marview.methods.api import Job
from marview.text import translatable


def learn_in_run(
    trainable: Trainable,
    network: nn.Module,
    batches: BatchSource,
    settings: Mapping[str, Any],
    how: Optimiser,
    steps: int,
    minutes: float,
    job: Job,
    began: float,
) -> int:
    """Train a network up to a number of steps or a time limit; return the number of finished steps.

    The learning rate falls to zero along half a cosine. Its position on the cosine is the finished fraction
    of the steps or of the time limit, whichever is larger.

    Args:
        trainable: network and losses of the method.
        network: network to train.
        batches: training batches.
        settings: settings of the network.
        how: settings of the optimisers.
        steps: maximum number of steps.
        minutes: time limit in minutes.
        job: job of the run, which reports progress and cancellation.
        began: start of the timed period, a value of `time.monotonic`.

    Raises:
        MethodFailed: a loss or a gradient is not a number.
    """
    optimisers = {turn: optimiser(trainable.parameters(network, turn), how) for turn in trainable.turns}
    learner = Learner(network, optimisers, None)
    for number in range(steps):
        job.check_cancelled()
        share = max(number / steps, (time.monotonic() - began) / 60 / minutes)
        if share >= 1:
            return number
        try:
            take_step(trainable, learner, batches(number), settings, how, how.learning_rate * half_cosine(share))
        except NotANumberError as wrong:
            raise MethodFailed(
                translatable(
                    f"Training stopped at step {number + 1}: {wrong} is not finite. Choose a smaller learning rate."
                )
            ) from wrong
        done = number + 1
        job.learning(share, translatable(f"step {done} of {steps}"))
    return steps
