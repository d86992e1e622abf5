"""A trained network and what it works on, or one that adds nothing."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .patient import SmallScan
from .start import Start


@dataclass(frozen=True, eq=False)
class Learned:
    """A trained network.

    Attributes:
        network: says what is to be added to where it starts.
        words: how it came about.
        scan: it works on.
        start: where it starts.
        is_own: whether it learned from the scan that is corrected.
        has_alike: whether it learned from slices whose tissue was made as bright as water, and is to be shown such.
    """

    network: nn.Module
    words: str
    scan: SmallScan
    start: Start
    is_own: bool = True
    has_alike: bool = False


class Nothing(nn.Module):
    """Adds nothing to what a network starts at."""

    def forward(self, seen: Tensor) -> Tensor:
        """Zeros, `[slice, 1, view, bin]`."""
        return torch.zeros_like(seen[:, :1])
