"""Training of the near-hip network, from the command line or within a run."""

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from marview.learning.api import ONE_TURN, Asked, Pairs, Sources
from marview.learning.losses import l2
from marview.physics.attenuation import MU_WATER

from .network import NearHipCnn, completed, planes
from .settings import read_settings
from .sources import of_scans, of_slices
from .start import start_of


class NearHipTraining:
    """Mean squared error of the sinogram, of the whole or mostly of its trace."""

    turns = ONE_TURN

    def __init__(self) -> None:
        self._shown: WeakKeyDictionary[Pairs, tuple[Tensor, Tensor | None]] = WeakKeyDictionary()

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """The network."""
        chosen = read_settings(settings)
        has_start = chosen.start != "nothing"
        return NearHipCnn(
            chosen.channels,
            fold=chosen.fold,
            planes=3 if has_start else 1,
            starts_at_zero=has_start,
        )

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """All of it."""
        return network.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Of the sinogram, in units of the network."""
        # the brightest value and the interpolation use the whole sinogram, although a step may see a part of it
        chosen = read_settings(settings)
        one, trace, wanted = unit(pairs), pairs.trace, pairs.metal_free_sinogram
        seen, start = self.shown(pairs, settings)
        if network.training:
            slices, views, bins = block(trace, chosen.block_views, chosen.block_bins)
            seen = seen[slices, :, views, bins].movedim(-1, 1)
            trace, wanted = trace[slices, views, bins], wanted[slices, views, bins]
            start = None if start is None else start[slices, views, bins]
        said = completed(network, seen, start, one)
        weights = torch.where(trace, 1.0, chosen.outside)
        return {"sinogram": l2(said / one, wanted / one, weights)}

    @torch.no_grad()
    def shown(self, pairs: Pairs, settings: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
        """Return input and start of the network for whole sinograms; computed once, because a batch is used again."""
        if pairs not in self._shown:
            start = start_of(pairs, read_settings(settings).start)
            self._shown[pairs] = planes(pairs.sinogram, pairs.trace, start, unit(pairs)), start
        return self._shown[pairs]

    @torch.no_grad()
    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        """The bright and the corrected sinogram, and the image of the latter in 1/cm."""
        said = completed(network, *self.shown(pairs, settings), unit(pairs))
        corrected = torch.where(pairs.trace, said, pairs.sinogram)
        return {
            "sinogram": pairs.sinogram[0],
            "corrected_sinogram": corrected[0],
            "result": pairs.reconstruct(corrected)[0],
        }

    def sources(self, asked: Asked) -> Sources:
        """Pairs of the slices that scans with metal have without it, or of scans without metal and what is put there.

        Raises:
            BadInput: a scan with metal has too few slices without, there is no slice without, or the recipe is wrong.
        """
        return of_scans(asked) if asked.is_patient else of_slices(asked)


def block(trace: Tensor, views: int, bins: int) -> tuple[Tensor, Tensor, Tensor]:
    """Indices of neighbouring views, and of bins about a place in each slice's trace.

    The last view is no neighbour of the first: half a turn later left is right.

    Args:
        trace: metal trace, bool, `[slice, view, bin]`.
        views: how many; 0 for all.
        bins: how many; 0 for all.

    Returns:
        Of slices, views and bins, which together index `[slice, view, bin]`.
    """
    slices, all_views, all_bins = trace.shape
    views, bins = min(views or all_views, all_views), min(bins or all_bins, all_bins)
    at = torch.arange(views) + int(torch.randint(all_views - views + 1, ()))
    firsts = []
    for one in trace:
        hit = one[at.to(one.device)].any(dim=0).nonzero()
        middle = int(hit[int(torch.randint(len(hit), ()))]) if len(hit) else all_bins // 2
        firsts.append(min(max(middle - bins // 2, 0), all_bins - bins))
    columns = torch.tensor(firsts)[:, None, None] + torch.arange(bins)
    return (
        torch.arange(slices, device=trace.device)[:, None, None],
        at.to(trace.device)[None, :, None],
        columns.to(trace.device),
    )


def unit(pairs: Pairs) -> float:
    """Unit of the network, as `SmallScan.unit`."""
    return MU_WATER * pairs.projector.pixel_mm * pairs.projector.shape[0] / 10 / 2
