"""The near-hip network: it sees a sinogram whose metal trace is bright, and says what belongs there."""

import torch
from torch import Tensor, nn

from marview.projection import fill_linear

LAYERS = 6
_KERNEL, _SLOPE = 5, 0.2


class NearHipCnn(nn.Sequential):
    """Six convolutions of 5 x 5; leaky ReLU, then batch normalization after each but the last.

    413,761 parameters at 64 channels, 104,481 at 32.

    Args:
        channels: within.
        starts_at_zero: begin by saying nothing; else as PyTorch begins.
    """

    def __init__(self, channels: int = 64, *, starts_at_zero: bool = False) -> None:
        layers: list[nn.Module] = []
        before = 1
        for _ in range(LAYERS - 1):
            convolution = nn.Conv2d(before, channels, _KERNEL, padding=_KERNEL // 2)
            layers += [convolution, nn.LeakyReLU(_SLOPE), nn.BatchNorm2d(channels)]
            before = channels
        last = nn.Conv2d(before, 1, _KERNEL, padding=_KERNEL // 2)
        if starts_at_zero:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias) if last.bias is not None else None
        super().__init__(*layers, last)


def brightened(sinogram: Tensor, trace: Tensor) -> Tensor:
    """The sinogram with its trace filled by the largest value beside it, `[slice, view, bin]`."""
    outside = sinogram.masked_fill(trace, 0)
    return torch.where(trace, outside.amax(dim=(1, 2), keepdim=True), sinogram)


def completed(network: nn.Module, sinogram: Tensor, trace: Tensor, unit: float, *, is_residual: bool) -> Tensor:
    """The network's sinogram, `[slice, view, bin]`, also outside the trace.

    Args:
        network: of one channel in and out.
        sinogram: with metal, line integrals, `[slice, view, bin]`; what stands in its trace is not looked at.
        trace: metal trace, bool.
        unit: line integral that is one to the network.
        is_residual: whether the network adds to linear interpolation, rather than saying the sinogram itself.
    """
    said: Tensor = network((brightened(sinogram, trace) / unit)[:, None])[:, 0] * unit
    return fill_linear(sinogram, trace) + said if is_residual else said
