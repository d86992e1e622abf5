"""Training of PriorNet alone, on patches of slices that are shown again and again: what a CPU has time for."""

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
"""100 HU: what an error of the prior is measured in, so that the loss is about one at the beginning."""


class PriorTraining:
    """Squared error of the prior image where it counts, and nothing projected in a step.

    A pixel weighs as much as metal hides of its rays, since no other ray sees the prior. Errors are squared, whereas
    loss (2) takes their absolute values: what spoils the result are wide, strong errors, not the grain of the slice
    that no network can know. What SinoNet would correct is interpolated, which the settings must say.
    """

    turns = ONE_TURN

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[Pairs, Tensor] = WeakKeyDictionary()

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """PriorNet.

        Raises:
            BadInput: the settings ask for SinoNet as well, or for no PriorNet.
        """
        completion = Completion(read_settings(settings))
        if completion.prior_net is None or completion.sinogram_net is not None:
            raise BadInput(
                "PriorTraining trains PriorNet alone; the recipe's table [network] must set completion = "
                '"interpolation", and must not set prior = "none".'
            )
        return completion

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return all parameters."""
        return network.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute the losses of random patches in training, of whole slices otherwise."""
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
        """What PriorNet sees, how much of each pixel's rays metal hides, and what PriorNet changes.

        Made once, since a batch is shown more than once.
        """
        if pairs not in self._seen:
            with torch.no_grad():
                hidden = hidden_share(pairs.projector, pairs.trace)
                seen, start = completion.prior_sees(pairs.image, pairs.li_image, pairs.metal, hidden)
                self._seen[pairs] = torch.cat([seen, hidden[:, None], start[:, None]], dim=1)
        return self._seen[pairs]
