"""Train the prior network on clinical scenes."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from marview.learning.api import ONE_TURN, Asked, Sources

from .batches import PriorBatch
from .network import PriorNetwork
from .planes import COMPLETED, METAL, to_mu
from .settings import read_settings
from .sources import sources_of

_RANGE = (-1.0, 3.0)
"""Range in which errors count, in the units of the planes: -1000 to 3000 HU."""

_LEAST_ERROR = 0.015
"""Error of NMAR below which a slice counts less, in the units of the planes: 15 HU."""

_SMALL = 1e-4
_JITTER_PX = 60
"""Largest distance of a crop's centre from a metal pixel, in rows and columns."""


class PriorTraining:
    """Training that minimises the RMSE of the network's image, relative to the RMSE of NMAR's image.

    With an absolute error in HU, a few slices with gold fillings would dominate the training.
    """

    turns = ONE_TURN

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build the network."""
        return PriorNetwork(read_settings(settings))

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return all parameters."""
        return network.parameters()

    def losses(
        self,
        network: nn.Module,
        batch: PriorBatch,
        turn: str,  # noqa: ARG002 - there is only one
        settings: Mapping[str, Any],  # noqa: ARG002 - the network knows them
    ) -> dict[str, Tensor]:
        """Compute the loss on crops near metal during training, and on whole slices otherwise."""
        assert isinstance(network, PriorNetwork)
        edge = network.settings.crop_px if network.training else 0
        seen = torch.cat([batch.planes, torch.stack([batch.truth, batch.weight], dim=1)], dim=1)
        part = crops(seen, edge) if edge else seen
        planes, truth, weight = part[:, :-2], part[:, -2], part[:, -1]
        return {"relative": relative_error(network(planes), planes[:, COMPLETED], truth, weight)}

    @torch.no_grad()
    def pictures(self, network: nn.Module, batch: PriorBatch, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the estimated image of the first slice, 1/cm."""
        return {"result": to_mu(network(batch.planes[:1])[0].float()).clamp(min=0)}

    def sources(self, asked: Asked) -> Sources:
        """Create sources that read scenes from files, or simulate them from slices without metal.

        Raises:
            BadInput: the data contains nothing to train on.
        """
        return sources_of(asked)


def relative_error(estimate: Tensor, nmar: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Return the ratio of an image's RMSE to NMAR's RMSE, averaged over the slices.

    All arguments have the shape `[slice, y, x]`. The images are in the units of the input planes, and `weight`
    is the weight of the error in each pixel.
    """

    def energy(image: Tensor) -> Tensor:
        return (weight * (image.clamp(*_RANGE) - truth.clamp(*_RANGE)).square()).sum(dim=(1, 2))

    least = weight.sum(dim=(1, 2)) * _LEAST_ERROR**2 + 1e-6
    return (energy(estimate) / (energy(nmar) + least) + _SMALL).sqrt().mean()


def crops(planes: Tensor, edge: int) -> Tensor:
    """Cut a random square near metal from each slice, and rotate and mirror it at random.

    Args:
        planes: input planes, `[slice, plane, y, x]`, followed by any further planes.
        edge: edge length of the squares in pixels; smaller slices are not cropped.
    """
    return torch.stack([_crop(each, min(edge, *planes.shape[-2:])) for each in planes])


def _crop(planes: Tensor, edge: int) -> Tensor:
    places = (planes[METAL] > 0).nonzero()
    middle = places[int(torch.randint(len(places), ()))] if len(places) else torch.tensor(planes.shape[-2:]) // 2
    middle = middle + torch.randint(-_JITTER_PX, _JITTER_PX + 1, (2,), device=middle.device)
    top, left = (
        min(max(int(at) - edge // 2, 0), size - edge) for at, size in zip(middle, planes.shape[-2:], strict=True)
    )
    part = planes[:, top : top + edge, left : left + edge]
    turned = torch.rot90(part, int(torch.randint(4, ())), (1, 2))
    return turned.flip(2) if torch.rand(()) < 0.5 else turned
