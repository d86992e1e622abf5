"""Training of the trace network on clinical scenes."""

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from marview.learning.api import ONE_TURN, Asked, Pairs, Sources

from .clinical import ClinicalPairs
from .network import TraceNetwork
from .settings import Blocks, read_settings
from .sources import sources_of
from .trace_signal import planes_of

_LEAST_ERROR = 0.05
"""Lower limit of the error of a completion, in line integrals, when slices are weighted."""


class TraceTraining:
    """Training with the squared error of the sinogram in the trace and of its differences along the bins.

    Both errors are divided by the error of NMAR's completion of the slice. Otherwise a few slices with gold fillings
    would dominate the training.
    """

    turns = ONE_TURN

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[Pairs, tuple[Tensor, Tensor]] = WeakKeyDictionary()

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build the network."""
        return TraceNetwork(read_settings(settings))

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return all parameters."""
        return network.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute the losses of blocks in training, of whole sinograms otherwise."""
        assert isinstance(network, TraceNetwork)
        assert isinstance(pairs, ClinicalPairs)
        planes, wanted = self._planes(pairs)
        steepness = network.settings.steepness
        if not network.training:
            return {"trace": error(network.whole(planes), wanted, steepness)}
        blocks = cut(torch.cat([planes, wanted], dim=1), pairs.trace, network.settings.blocks)
        return {"trace": error(network(blocks[:, :-2]), blocks[:, -2:], steepness)}

    @torch.no_grad()
    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the corrected sinogram and its image in 1/cm."""
        assert isinstance(network, TraceNetwork)
        assert isinstance(pairs, ClinicalPairs)
        planes, _ = self._planes(pairs)
        corrected = pairs.base[:1] + torch.where(pairs.trace[:1], network.whole(planes[:1]), 0.0)
        first = pairs.part([0])
        return {"result": first.reconstruct(corrected)[0], "corrected_sinogram": corrected[0]}

    def sources(self, asked: Asked) -> Sources:
        """Read scenes from files, or simulate them from slices without metal.

        Raises:
            BadInput: the data contains nothing to train on.
        """
        return sources_of(asked)

    @torch.no_grad()
    def _planes(self, pairs: ClinicalPairs) -> tuple[Tensor, Tensor]:
        """Return the planes for the network and for `error`, cached because a scene is used in several steps."""
        if pairs not in self._seen:
            planes = planes_of(pairs.sinogram, pairs.base, pairs.metal_part, pairs.trace)
            missing = torch.where(pairs.trace, pairs.metal_free_sinogram - pairs.base, 0.0)
            rays = pairs.trace.sum(dim=(1, 2), keepdim=True).clamp(min=1)
            left = missing.square().sum(dim=(1, 2), keepdim=True) / rays + _LEAST_ERROR**2
            self._seen[pairs] = planes, torch.stack([missing, pairs.trace / left], dim=1)
        return self._seen[pairs]


def error(change: Tensor, wanted: Tensor, steepness: float) -> Tensor:
    """Compute the weighted squared errors in the trace: of the values, and of their differences along the bins.

    Args:
        change: output of the network, `[slice, view, bin]`.
        wanted: error of the completion, and weight of each ray (0 outside the trace), `[slice, 2, view, bin]`.
        steepness: weight of the differences.
    """
    missing, weight = wanted.unbind(dim=1)
    left = torch.where(weight > 0, change - missing, 0.0)
    steps = left[..., 1:] - left[..., :-1]
    beside = torch.maximum(weight[..., 1:], weight[..., :-1])
    total = (left.square() * weight).sum() + steepness * (steps.square() * beside).sum()
    return total / (weight > 0).sum().clamp(min=1)


def cut(planes: Tensor, trace: Tensor, how: Blocks) -> Tensor:
    """Cut random blocks of neighbouring views around the metal trace, mirrored at random.

    Args:
        planes: planes to cut, `[slice, plane, view, bin]`.
        trace: metal trace, bool, `[slice, view, bin]`.
        how: size and number of the blocks.

    Returns:
        Blocks, `[block, plane, view, bin]`; the last view and the first one are neighbours.
    """
    views, bins = trace.shape[-2:]
    width = min(how.bins, bins)
    made = []
    for _ in range(how.count):
        k, start = int(torch.randint(len(planes), ())), int(torch.randint(views, ()))
        chosen = (start + torch.arange(min(how.views, views), device=planes.device)) % views
        hit = trace[k, chosen].any(dim=0).nonzero()
        middle = int(hit[int(torch.randint(len(hit), ()))]) if len(hit) else bins // 2
        left = min(max(middle - width // 2, 0), bins - width)
        block = planes[k][:, chosen, left : left + width]
        # mirroring a body reverses the order of the views or of the bins
        for axis in (1, 2):
            block = block.flip(axis) if torch.rand(()) < 0.5 else block
        made.append(block)
    return torch.stack(made)
