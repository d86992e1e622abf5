"""Train IE-Net on patches, with a trained SE-Net; this is fast enough for a CPU."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from marview.errors import BadInput
from marview.learning.api import ONE_TURN, Pairs
from marview.learning.patches import patches
from marview.learning.weights import fill, load_weights
from marview.physics.attenuation import MU_WATER

from .network import DualDomain
from .settings import Settings, read_settings
from .start import start_of
from .training import pictures, sinogram_and_image

WEIGHTS = Path(__file__).parent / "weights" / "bundled.safetensors"
"""File with the weights of SE-Net, unless the run starts from others (`--begin-with`)."""

_WINDOW = (0.0, 0.5)
"""Range of the primary metric, 1/cm, which includes soft tissue and bone but not enamel."""

_LEAST = (0.005 * MU_WATER) ** 2
"""Square of 5 HU, an error that is too small to be visible."""


class ImageTraining:
    """Training of IE-Net alone; the loss is its squared error outside metal, divided by its input's error.

    Loss (10) in the paper uses absolute errors. Here, errors are squared, because wide, strong streaks
    degrade the result most. The ratio of output error to input error is computed for each slice, so only the
    relative improvement counts, as on a decibel scale. SE-Net is not trained.
    """

    turns = ONE_TURN

    def __init__(self) -> None:
        self._seen: WeakKeyDictionary[Pairs, Tensor] = WeakKeyDictionary()

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build IE-Net with random weights and SE-Net with the method's weights.

        Raises:
            BadInput: the settings do not include IE-Net, or the method has no weights for the chosen SE-Net.
        """
        chosen = read_settings(settings)
        if not chosen.image_net:
            raise BadInput("ImageTraining trains IE-Net; the recipe's [network] table must not set image_net = false.")
        dual = DualDomain(chosen)
        if dual.sinogram_net is not None:
            fill(dual.sinogram_net, learned_weights(chosen), WEIGHTS.name)
            dual.sinogram_net.requires_grad_(requires_grad=False)
        return dual

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:  # noqa: ARG002
        """Return the parameters of IE-Net."""
        assert isinstance(network, DualDomain)
        assert network.image_net is not None
        return network.image_net.parameters()

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute losses on random patches during training, and on whole slices otherwise."""
        assert isinstance(network, DualDomain)
        how = network.settings.patches
        planes, truth = self._planes(network, pairs), pairs.truth_mu
        if network.training:
            planes, truth = patches(planes, truth, how.edge_px, how.count, how.hard_share)
        seen, weight, start = planes[:, :-2], planes[:, -2], planes[:, -1]
        return {"image": (weight * squares(start + network.image_change(seen), truth)).mean()}

    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the prior (SE-Net's image), the result and the corrected sinogram.

        Both images are in 1/cm.
        """
        assert isinstance(network, DualDomain)
        return pictures(network, pairs)

    def _planes(self, dual: DualDomain, pairs: Pairs) -> Tensor:
        """Return IE-Net's input, the weight of each pixel's squared error, and the image that IE-Net changes.

        They are computed once, because SE-Net does not change and a batch is used several times.
        """
        if pairs not in self._seen:
            with torch.no_grad():
                start = start_of(dual, pairs.case())
                _, inverted = sinogram_and_image(dual, pairs, start)
                seen = dual.image_sees(inverted, pairs.li_image, start)
                begun = inverted if dual.settings.image_start == "inverted" else pairs.li_image
                outside = (~pairs.metal).float()
                error = (squares(begun, pairs.truth_mu) * outside).mean(dim=(1, 2), keepdim=True)
                self._seen[pairs] = torch.cat([seen, (outside / (error + _LEAST))[:, None], begun[:, None]], dim=1)
        return self._seen[pairs]


def squares(image: Tensor, truth: Tensor) -> Tensor:
    """Return the squared difference of two images in 1/cm, `[slice, y, x]`.

    The images are first clipped to the range of the primary metric.
    """
    return (image.clamp(*_WINDOW) - truth.clamp(*_WINDOW)).square()


def learned_weights(settings: Settings) -> dict[str, Tensor]:
    """Return the bundled weights of SE-Net.

    Raises:
        BadInput: there are no bundled weights, or they belong to a different SE-Net.
    """
    missing = (
        "Training IE-Net needs a trained SE-Net, and marview has no weights for these settings. Use sinogram_base, "
        "sinogram_start and is_residual of the recipe cpu; or train your own SE-Net (--size cpu_sinogram) and pass its "
        "weights with --begin-with."
    )
    if not WEIGHTS.is_file():
        raise BadInput(missing)
    tensors, of = load_weights(WEIGHTS)
    theirs = read_settings(of.network)
    same = ("sinogram_net", "sinogram_base", "sinogram_start", "is_residual")
    if any(getattr(theirs, name) != getattr(settings, name) for name in same):
        raise BadInput(missing)
    mine = "sinogram_net."
    return {name.removeprefix(mine): tensor for name, tensor in tensors.items() if name.startswith(mine)}
