"""Training of CNNMAR's network on patches of whole slices."""

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from marview.learning.api import ONE_TURN, Pairs
from marview.physics.attenuation import MU_WATER

from .hardening import without_hardening
from .network import Cnn, channels
from .prior import complete, tissue_prior
from .settings import read_settings

_CANDIDATES = 8
"""Places that chance offers for a patch of large error; it goes where the error is largest."""


class PatchTraining:
    """Half the summed squared error of a patch, as the paper's toolbox has it, metal being water on both sides."""

    turns = ONE_TURN

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[Pairs, tuple[Tensor, Tensor]] = WeakKeyDictionary()

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """The network."""
        chosen = read_settings(settings)
        return Cnn(chosen.width, starts_as_li=chosen.starts_as_li)

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """All of it."""
        return network.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Of random patches in training, of whole slices otherwise."""
        chosen = read_settings(settings)
        seen, wanted = self._planes(pairs)
        if network.training:
            seen, wanted = patches(
                seen,
                wanted,
                chosen.patch_px,
                chosen.patches,
                chosen.hard_share,
                chosen.quarter_turns,
                mirrors=chosen.mirrors,
            )
        square = (network(seen)[:, 0] - wanted).square().mean()
        return {"patch": square * chosen.patch_px**2 / 2}

    @torch.no_grad()
    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """The network's image, the prior and the result in 1/cm, and the corrected sinogram."""
        seen, _ = self._planes(pairs)
        image = network(seen[:1])[:, 0]
        prior = tissue_prior(image, pairs.metal[:1])
        prior_sinogram = pairs.projector.forward(prior.expand_as(pairs.truth_mu))
        corrected = complete(pairs.sinogram, prior_sinogram, pairs.trace)
        return {
            "network": image[0],
            "prior": prior[0],
            "corrected_sinogram": corrected[0],
            "result": pairs.reconstruct(corrected)[0],
        }

    def _planes(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """What the network sees and what it is to say; made once, since a batch is shown more than once."""
        if pairs not in self._seen:
            with torch.no_grad():
                self._seen[pairs] = _planes(pairs)
        return self._seen[pairs]


def _planes(pairs: Pairs) -> tuple[Tensor, Tensor]:
    metal_cm = pairs.projector.forward(pairs.metal.float())
    hardened = pairs.reconstruct(without_hardening(pairs.sinogram, pairs.li_sinogram, pairs.trace, metal_cm))
    seen = channels(pairs.image, hardened, pairs.li_image, pairs.metal)
    return seen, torch.where(pairs.metal, MU_WATER, pairs.truth_mu)


def patches(
    seen: Tensor,
    wanted: Tensor,
    edge: int,
    count: int,
    hard_share: float,
    quarter_turns: int = 3,
    *,
    mirrors: bool = True,
) -> tuple[Tensor, Tensor]:
    """Random patches, turned and mirrored by chance.

    Args:
        seen: the network's channels, `[slice, channel, y, x]`.
        wanted: the truth, `[slice, y, x]`.
        edge: of a patch.
        count: of patches.
        hard_share: share of them that lies where the last channel is farthest from the truth, among a few places.
        quarter_turns: that a patch is turned by at most.
        mirrors: whether half of them are mirrored.

    Returns:
        `[patch, channel, y, x]` and `[patch, y, x]`.
    """
    rows, columns = wanted.shape[-2:]
    height, width = min(edge, rows), min(edge, columns)
    mean = _box_means((seen[:, -1] - wanted).abs(), height, width)
    chosen = []
    for number in range(count):
        tries = _CANDIDATES if number < round(hard_share * count) else 1
        places = [[int(torch.randint(limit, ())) for limit in mean.shape] for _ in range(tries)]
        k, top, left = max(places, key=lambda place: float(mean[tuple(place)]))
        window = slice(top, top + height), slice(left, left + width)
        patch = torch.cat([seen[k, :, *window], wanted[k, None, *window]])
        turned = torch.rot90(patch, int(torch.randint(quarter_turns + 1, ())), (1, 2)) if height == width else patch
        chosen.append(turned.flip(2) if mirrors and torch.rand(()) < 0.5 else turned)
    planes = torch.stack(chosen)
    return planes[:, :-1], planes[:, -1]


def _box_means(image: Tensor, height: int, width: int) -> Tensor:
    """Means of all boxes of a size that lie in an image, by their corner, `[slice, y, x]`; from sums, so at no cost."""
    sums = pad(image.double().cumsum(1).cumsum(2), (1, 0, 1, 0))
    bands = sums[:, height:] - sums[:, :-height]
    return ((bands[:, :, width:] - bands[:, :, :-width]) / (height * width)).float()
