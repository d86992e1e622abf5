"""The near-hip network, which corrects the trace of a sinogram."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from marview.methods.api import MarCase
from marview.methods.nmar import NmarSettings, nmar_prior
from marview.methods.trace_completion import interpolate_with_prior
from marview.projection import fill_linear

from .settings import Start

LAYERS = 6
_KERNEL, _SLOPE = 5, 0.2
_USUAL = NmarSettings()
FROM_LI = NmarSettings(prior_source="linear_interpolation")
"""Settings of NMAR's prior in training, where no image contains metal."""


class NearHipCnn(nn.Sequential):
    """Network of six 5 x 5 convolutions, all except the last with leaky ReLU and batch normalisation.

    It has 413,761 parameters with 64 channels, and 104,481 with 32.

    Args:
        channels: number of channels.
        fold: edge length of the blocks of views and bins that are rearranged into channels; the receptive
            field extends 12 blocks to either side.
        planes: number of input sinograms.
        starts_at_zero: whether the output is zero before training.
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
        """Compute the output `[slice, 1, view, bin]` from the input `[slice, plane, view, bin]`."""
        views, bins = seen.shape[-2:]
        framed = pad(seen, (0, -bins % self._fold, 0, -views % self._fold), mode="replicate")
        coarse: Tensor = super().forward(pixel_unshuffle(framed, self._fold))  # type: ignore[no-untyped-call]
        return pixel_shuffle(coarse, self._fold)[..., :views, :bins]


class Nothing(nn.Module):
    """Network that leaves the initial completion unchanged."""

    def forward(self, seen: Tensor) -> Tensor:
        """Return zeros, `[slice, 1, view, bin]`."""
        return torch.zeros_like(seen[:, :1])


def start_of(
    case: MarCase, how: Start, settings: NmarSettings = _USUAL, pause: Callable[[], None] = lambda: None
) -> Tensor | None:
    """Return the initial completion that the network corrects, `[slice, view, bin]`; None if there is none.

    The completion is linear interpolation, or the projection of NMAR's prior image, adjusted to the measured
    sinogram at the edges of the trace.

    Args:
        case: slices to correct.
        how: kind of initial completion.
        settings: settings of NMAR's prior; by default, the prior comes from the uncorrected image if the
            metal hides few rays or attenuates weakly.
        pause: function called between the steps, so that a run can be cancelled.
    """
    if how == "nothing":
        return None
    if how == "li":
        return case.li_sinogram
    prior = nmar_prior(case, settings, pause)
    pause()
    return interpolate_with_prior(case.sinogram, case.projector.forward(prior), case.trace)


def image_of_start(case: MarCase, how: Start, pause: Callable[[], None] = lambda: None) -> Tensor:
    """Return the image of the initial completion on the case's grid, 1/cm, `[slice, y, x]`.

    If there is no initial completion, the linear interpolation image is returned.
    """
    start = start_of(case, how, pause=pause) if how == "nmar" else None
    pause()
    return case.li_mu if start is None else case.reconstruct(start)


def brightened(sinogram: Tensor, trace: Tensor) -> Tensor:
    """Fill the trace of each sinogram with the largest value outside the trace, `[slice, view, bin]`."""
    outside = sinogram.masked_fill(trace, 0)
    return torch.where(trace, outside.amax(dim=(1, 2), keepdim=True), sinogram)


def planes(sinogram: Tensor, trace: Tensor, start: Tensor | None, unit: float) -> Tensor:
    """Return the input of the network, `[slice, plane, view, bin]`.

    Without an initial completion, the input is the sinogram with a bright trace. Otherwise, the planes are
    the initial completion, the linearly interpolated sinogram, and the trace.

    Args:
        sinogram: line integrals with metal, `[slice, view, bin]`; values in the trace have no effect.
        trace: metal trace, bool.
        start: initial completion that the network corrects, `[slice, view, bin]`; None if there is none.
        unit: line integral that is scaled to 1.
    """
    if start is None:
        return (brightened(sinogram, trace) / unit)[:, None]
    return torch.stack([start / unit, fill_linear(sinogram, trace) / unit, trace.to(start.dtype)], dim=1)


def completed(network: nn.Module, seen: Tensor, start: Tensor | None, unit: float) -> Tensor:
    """Compute the network's sinogram, `[slice, view, bin]`, inside and outside the trace.

    Args:
        network: network that receives the planes in `seen` and returns one plane.
        seen: result of `planes`.
        start: initial completion to which the network's output is added, `[slice, view, bin]`; None if there
            is none.
        unit: line integral that is scaled to 1.
    """
    said: Tensor = network(seen)[:, 0] * unit
    return said if start is None else start + said
