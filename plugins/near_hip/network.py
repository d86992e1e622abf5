"""The near-hip network: of a sinogram whose metal trace is bright, or completed already, it says what belongs there."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from marview.projection import fill_linear

LAYERS = 6
_KERNEL, _SLOPE = 5, 0.2


class NearHipCnn(nn.Sequential):
    """Six convolutions of 5 x 5; leaky ReLU, then batch normalization after each but the last.

    413,761 parameters at 64 channels, 104,481 at 32.

    Args:
        channels: within.
        fold: views and bins enter in blocks of this edge, folded into channels, and the network works on so many fewer;
            it then sees 12 blocks to either side instead of 12 bins.
        planes: sinograms it sees side by side.
        starts_at_zero: begin by saying nothing; else as PyTorch begins.
    """

    def __init__(self, channels: int = 64, *, fold: int = 1, planes: int = 1, starts_at_zero: bool = False) -> None:
        layers: list[nn.Module] = []
        before = planes * fold**2
        for _ in range(LAYERS - 1):
            convolution = nn.Conv2d(before, channels, _KERNEL, padding=_KERNEL // 2)
            layers += [convolution, nn.LeakyReLU(_SLOPE), nn.BatchNorm2d(channels)]
            before = channels
        last = nn.Conv2d(before, fold**2, _KERNEL, padding=_KERNEL // 2)
        if starts_at_zero:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias) if last.bias is not None else None
        super().__init__(*layers, last)
        self._fold = fold

    def forward(self, seen: Tensor) -> Tensor:
        """`[slice, plane, view, bin]` -> `[slice, 1, view, bin]`."""
        views, bins = seen.shape[-2:]
        framed = pad(seen, (0, -bins % self._fold, 0, -views % self._fold), mode="replicate")
        coarse: Tensor = super().forward(pixel_unshuffle(framed, self._fold))  # type: ignore[no-untyped-call]
        return pixel_shuffle(coarse, self._fold)[..., :views, :bins]


def brightened(sinogram: Tensor, trace: Tensor) -> Tensor:
    """The sinogram with its trace filled by the largest value beside it, `[slice, view, bin]`."""
    outside = sinogram.masked_fill(trace, 0)
    return torch.where(trace, outside.amax(dim=(1, 2), keepdim=True), sinogram)


def planes(sinogram: Tensor, trace: Tensor, start: Tensor | None, unit: float) -> Tensor:
    """What the network sees, `[slice, plane, view, bin]`: the bright trace; or where it starts, LI and the trace.

    Args:
        sinogram: with metal, line integrals, `[slice, view, bin]`; what stands in its trace is not looked at.
        trace: metal trace, bool.
        start: the completion that the network corrects, `[slice, view, bin]`; None where it makes its own.
        unit: line integral that is one to the network.
    """
    if start is None:
        return (brightened(sinogram, trace) / unit)[:, None]
    return torch.stack([start / unit, fill_linear(sinogram, trace) / unit, trace.to(start.dtype)], dim=1)


def completed(network: nn.Module, seen: Tensor, start: Tensor | None, unit: float) -> Tensor:
    """The network's sinogram, `[slice, view, bin]`, also outside the trace.

    Args:
        network: network with as many input planes as `seen`, and one output plane.
        seen: `planes`.
        start: completion to which the network adds its change, `[slice, view, bin]`; None if it makes its own.
        unit: line integral that is one to the network.
    """
    said: Tensor = network(seen)[:, 0] * unit
    return said if start is None else start + said
