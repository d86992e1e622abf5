"""Train SinoNet on blocks of views, with a trained PriorNet."""

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
from marview.methods.trace_completion import compose

from .network import Completion
from .settings import read_settings
from .training import JointTraining, prior_of

_LEAST = 3e-7
"""Sinogram error that is too small to be visible in the image. It is added to the initial error of a slice, so that
slices with small metal do not dominate the loss."""


class SinogramTraining:
    """Training of SinoNet alone; the loss is its sinogram error, divided by the error of interpolation.

    The ratio is computed for each slice. Errors are filtered along the bins, which weights them by their
    effect on the squared error of the image; loss (6) uses absolute errors instead. PriorNet is not trained,
    so a run must start from weights that include a trained PriorNet.
    """

    turns = ONE_TURN

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[Pairs, tuple[Tensor | None, Tensor]] = WeakKeyDictionary()

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build both networks.

        Raises:
            BadInput: the settings do not include SinoNet.
        """
        completion = Completion(read_settings(settings))
        if completion.sinogram_net is None:
            raise BadInput(
                "SinogramTraining trains SinoNet; the recipe's [network] table must not set completion = "
                '"interpolation".'
            )
        if completion.prior_net is not None:
            completion.prior_net.requires_grad_(requires_grad=False)
        return completion

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return the parameters of SinoNet."""
        assert isinstance(network, Completion)
        assert network.sinogram_net is not None
        return network.sinogram_net.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute losses on random blocks of views during training, and on whole slices otherwise."""
        assert isinstance(network, Completion)
        how, unit = network.settings.blocks, line_unit(pairs.projector)
        prior_sinogram, begun = self._begun(network, pairs)
        planes = [pairs.sinogram, pairs.trace, pairs.metal_free_sinogram]
        if prior_sinogram is not None:
            planes.append(prior_sinogram)
        if network.training:
            planes, chosen = blocks(planes, how.views, how.count)
            begun = begun[chosen]
        sinogram, trace, wanted = planes[:3]
        completed = network.complete(sinogram, planes[3] if prior_sinogram is not None else None, trace, unit)
        return {"sinogram": (_error(completed, wanted, trace, unit) / begun).mean()}

    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return `prior` and `result`, `[y, x]` in 1/cm, and `corrected_sinogram`, `[view, bin]`."""
        return JointTraining().pictures(network, pairs, settings)

    def _begun(self, completion: Completion, pairs: Pairs) -> tuple[Tensor | None, Tensor]:
        """Return the prior's sinogram (None without a prior) and the error of interpolation, `[slice]`.

        They are computed once, because a batch is used several times and PriorNet does not change.
        """
        if pairs not in self._seen:
            with torch.no_grad():
                prior_sinogram = None
                if completion.prior_net is not None:
                    is_training = completion.training
                    guide = completion.eval().guide(prior_of(completion, pairs), pairs.metal)
                    completion.train(is_training)
                    prior_sinogram = pairs.projector.forward(guide)
                joined = completion.join(pairs.sinogram, prior_sinogram, pairs.trace)
                error = _error(joined, pairs.metal_free_sinogram, pairs.trace, line_unit(pairs.projector))
                self._seen[pairs] = prior_sinogram, error + _LEAST
        return self._seen[pairs]


def _error(completed: Tensor, wanted: Tensor, trace: Tensor, unit: float) -> Tensor:
    """Compute the image error of each slice, `[slice]`, that the sinogram error in the trace causes."""
    return seen_error(compose(completed - wanted, torch.zeros_like(wanted), trace) / unit)
