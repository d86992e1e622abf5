"""Train PriorNet alone on patches, which is fast enough for a CPU."""

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from marview.errors import BadInput
from marview.learning.api import ONE_TURN, Pairs
from marview.learning.losses import l2
from marview.learning.patches import patches
from marview.methods.trace_completion import hidden_share
from marview.physics.attenuation import MU_WATER

from .network import Completion
from .settings import read_settings
from .training import JointTraining

_UNIT = 0.1 * MU_WATER
"""Unit of the prior's error (100 HU), chosen so that the loss is near 1 at first."""


class PriorTraining:
    """Training that minimises the prior image's squared error, weighted by its effect on the result.

    Training requires no projections. The weight of a pixel is the fraction of its rays in the metal trace,
    because only these rays use the prior. Loss (2) in the paper uses absolute errors. Here, errors are
    squared, because wide, strong errors degrade the result more than noise does. The settings must select
    interpolation instead of SinoNet.
    """

    turns = ONE_TURN

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[Pairs, Tensor] = WeakKeyDictionary()

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build PriorNet.

        Raises:
            BadInput: the settings include SinoNet, or do not include PriorNet.
        """
        completion = Completion(read_settings(settings))
        if completion.prior_net is None or completion.sinogram_net is not None:
            raise BadInput(
                "PriorTraining trains PriorNet alone; the recipe's [network] table must set completion = "
                '"interpolation", and must not set prior = "none".'
            )
        return completion

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return all parameters."""
        return network.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute losses on random patches during training, and on whole slices otherwise."""
        assert isinstance(network, Completion)
        how = network.settings.patches
        planes = self._planes(network, pairs)
        if network.training:
            planes, truth = patches(planes, pairs.truth_mu, how.edge_px, how.count, how.hard_share)
        else:
            truth = pairs.truth_mu
        seen, hidden, start = planes[:, :-2], planes[:, -2], planes[:, -1]
        error = (start + network.prior_change(seen) - truth) / _UNIT
        return {"prior": l2(error, torch.zeros_like(error), hidden)}

    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return `prior` and `result`, `[y, x]` in 1/cm, and `corrected_sinogram`, `[view, bin]`."""
        return JointTraining().pictures(network, pairs, settings)

    def _planes(self, completion: Completion, pairs: Pairs) -> Tensor:
        """Return PriorNet's input, the fraction of hidden rays of each pixel, and the image that PriorNet changes.

        They are computed once, because a batch is used several times.
        """
        if pairs not in self._seen:
            with torch.no_grad():
                hidden = hidden_share(pairs.projector, pairs.trace)
                seen, start = completion.prior_sees(pairs.image, pairs.li_image, pairs.metal, hidden)
                self._seen[pairs] = torch.cat([seen, hidden[:, None], start[:, None]], dim=1)
        return self._seen[pairs]
