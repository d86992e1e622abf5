"""The network that estimates how much of the residual signal in the metal trace is tissue."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

from .settings import Settings
from .trace_signal import LEFT, SCALE, SPREAD, TRACE

_WIDTHS = (5, 15)
"""Edges of the boxes, in rays, whose means separate coarse, middle and fine detail."""

BANDS = len(_WIDTHS) + 1
_FEATURES = 5
_WRAPPED = 16
_SMALL = 0.01


class TraceNetwork(nn.Module):
    """Network that weights the fine, middle and coarse parts of the residual of each ray by gates between 0 and 1.

    The network only scales the residual, so it cannot add tissue that no ray shows.

    Attributes:
        settings: settings of the network.
        gates: two hidden layers, applied ray by ray.
    """

    def __init__(self, settings: Settings) -> None:
        """Build the network with random weights and gates that are nearly closed."""
        super().__init__()
        self.settings = settings
        width = settings.width
        self.gates = nn.Sequential(
            nn.Conv2d(_FEATURES, width, 1), nn.SiLU(), nn.Conv2d(width, width, 1), nn.SiLU(), nn.Conv2d(width, BANDS, 1)
        )
        last = self.gates[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.zeros_(last.weight)
        nn.init.constant_(last.bias, settings.closed)  # type: ignore[arg-type]

    def forward(self, planes: Tensor) -> Tensor:
        """Compute the change, line integrals, `[slice, view, bin]`, of the completed sinogram.

        Args:
            planes: result of `trace_signal.planes_of`, `[slice, plane, view, bin]`, of whole sinograms or blocks.
        """
        left, trace = planes[:, LEFT : LEFT + 1], planes[:, TRACE : TRACE + 1]
        fine, *coarser = [left, *(_mean(left, trace, width) for width in _WIDTHS)]
        bands = torch.cat([a - b for a, b in zip([fine, *coarser], [*coarser, torch.zeros_like(left)], strict=True)], 1)
        amplitude = torch.log(_mean(left.abs(), trace, _WIDTHS[-1]) + _SMALL)
        features = torch.cat([planes[:, SCALE:SPREAD], planes[:, SPREAD : SPREAD + 1], amplitude], dim=1)
        opened: Tensor = torch.sigmoid(self.gates(features).float())
        return (opened * bands).sum(dim=1) * trace[:, 0]

    def whole(self, planes: Tensor) -> Tensor:
        """Apply `forward` to whole sinograms, in which the last and the first view are neighbours."""
        wrapped = torch.cat([planes[:, :, -_WRAPPED:], planes, planes[:, :, :_WRAPPED]], dim=2)
        change: Tensor = self(wrapped)
        return change[:, _WRAPPED:-_WRAPPED]


def _mean(values: Tensor, trace: Tensor, width: int) -> Tensor:
    """Return the mean over the rays of the trace in a box around each ray, `[slice, 1, view, bin]`."""
    reach = width // 2

    def box(plane: Tensor) -> Tensor:
        rows = avg_pool2d(pad(plane, (reach, reach, 0, 0)), (1, width), stride=1)
        return avg_pool2d(pad(rows, (0, 0, reach, reach)), (width, 1), stride=1)

    return box(values * trace) / box(trace).clamp(min=1e-3) * trace
