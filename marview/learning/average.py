"""A running average of a network's weights, for use after training."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

_SLOW_START = 10


def averaged(network: nn.Module, keep: float) -> AveragedModel:
    """Create a running average of a network; call its `update_parameters(network)` after each step.

    Early in training, step n retains only the fraction (1 + n) / (10 + n) of the previous average, so that
    the random initial weights soon lose their influence. The bias correction in Adam serves the same
    purpose.

    Args:
        network: network whose current weights initialise the average.
        keep: fraction of the previous average that each step retains, after the first steps.
    """

    def update(averages: Sequence[Tensor], now: Sequence[Tensor], count: Any) -> None:
        share = min(keep, (1 + int(count)) / (_SLOW_START + int(count)))
        if averages[0].is_floating_point():
            torch._foreach_lerp_(list(averages), list(now), 1 - share)
        else:  # the counter of batches is an integer
            torch._foreach_copy_(list(averages), list(now))

    # statistics of batch normalization describe the last few batches and must not be averaged
    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)
