"""Train SE-Net alone on blocks of views, which is fast enough for a CPU."""

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from marview.errors import BadInput
from marview.learning.api import ONE_TURN, Pairs
from marview.learning.losses import seen_error
from marview.learning.networks import line_unit
from marview.learning.patches import blocks

from .network import DualDomain
from .settings import read_settings
from .start import start_of
from .training import pictures

_LEAST = 3e-7
"""Sinogram error that is too small to be visible in the image. It is added to the initial error of a slice, so that
slices with small metal do not dominate the loss."""


class SinogramTraining:
    """Training of SE-Net alone; the loss is its sinogram error, divided by the error of its input.

    Training requires no reconstructions. Errors are filtered along the bins, which weights them by their
    effect on the squared error of the image, and then squared; loss (4) in the paper uses absolute errors.
    The ratio of output error to input error is computed for each slice, so only the relative improvement
    counts, as on a decibel scale.
    """

    turns = ONE_TURN

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[Pairs, tuple[Tensor | None, Tensor]] = WeakKeyDictionary()

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build SE-Net.

        Raises:
            BadInput: the settings include IE-Net, or do not include SE-Net.
        """
        dual = DualDomain(read_settings(settings))
        if dual.sinogram_net is None or dual.image_net is not None:
            raise BadInput(
                "SinogramTraining trains SE-Net alone; the recipe's [network] table must set image_net = false, and "
                'must not set sinogram_net = "none".'
            )
        return dual

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return all parameters."""
        return network.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute losses on random blocks of views during training, and on whole slices otherwise."""
        assert isinstance(network, DualDomain)
        how, unit = network.settings.blocks, line_unit(pairs.projector)
        prior_sinogram, begun = self._start(network, pairs)
        planes = [pairs.li_sinogram, pairs.trace, pairs.metal_free_sinogram]
        if prior_sinogram is not None:
            planes.append(prior_sinogram)
        if network.training:
            planes, chosen = blocks(planes, how.views, how.count)
            begun = begun[chosen]
        li_sinogram, trace, wanted = planes[:3]
        made = network.enhance(li_sinogram, trace, unit, planes[3] if prior_sinogram is not None else None)
        return {"sinogram": (seen_error((made - wanted) / unit) / begun).mean()}

    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return SE-Net's image in 1/cm, both as prior and as result, and the corrected sinogram."""
        assert isinstance(network, DualDomain)
        return pictures(network, pairs)

    def _start(self, dual: DualDomain, pairs: Pairs) -> tuple[Tensor | None, Tensor]:
        """Return the prior's sinogram and the initial error, `[slice]`, which are cached for the batch."""
        if pairs not in self._seen:
            with torch.no_grad():
                prior_sinogram = start_of(dual, pairs.case()).prior_sinogram
                begun = dual.start(pairs.li_sinogram, pairs.trace, prior_sinogram) - pairs.metal_free_sinogram
                error = seen_error(torch.where(pairs.trace, begun, 0) / line_unit(pairs.projector))
                self._seen[pairs] = prior_sinogram, error + _LEAST
        return self._seen[pairs]
