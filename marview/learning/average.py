"""A running average of a network's weights, which is what is used once training is over."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

_SLOW_START = 10


def averaged(network: nn.Module, keep: float) -> AveragedModel:
    """The average of a network; call its `update_parameters(network)` after every step.

    At the beginning less is kept, so that the average does not hang on where the network began (as in Adam's
    correction, here (1 + n) / (10 + n)).

    Args:
        network: its weights now are the first.
        keep: share that stays at each step in the long run.
    """

    def update(averages: Sequence[Tensor], now: Sequence[Tensor], count: Any) -> None:
        share = min(keep, (1 + int(count)) / (_SLOW_START + int(count)))
        if averages[0].is_floating_point():
            torch._foreach_lerp_(list(averages), list(now), 1 - share)
        else:  # how many batches were counted
            torch._foreach_copy_(list(averages), list(now))

    # batch normalization's statistics are of the last few batches, and belong to no average of weights
    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)
