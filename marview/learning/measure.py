"""How far a network has come: its losses on held-out slices, the error of its image between LI and the ceiling."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from marview.learning.api import Pairs, Trainable
from marview.physics.attenuation import MU_WATER

RESULT = "result"
"""The picture of `Trainable.pictures` that is the method's corrected image."""


@torch.no_grad()
def validate(
    trainable: Trainable, network: nn.Module, batches: Sequence[Pairs], settings: Mapping[str, Any]
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Mean losses, errors in HU outside metal, and pictures of the first batch.

    Args:
        trainable: the method.
        network: set to evaluation while this lasts.
        batches: held out.
        settings: of the network.

    Returns:
        Numbers by name (`validation NAME`, `rmse_hu`, `li_rmse_hu`, and `ceiling_rmse_hu` of the same scan without
        metal, which is as well as completing sinograms can do) and pictures by name.
    """
    numbers: dict[str, list[float]] = defaultdict(list)
    shown: dict[str, Tensor] = {}
    was_training = network.training
    network.eval()
    try:
        for pairs in batches:
            for turn in trainable.turns:
                for name, loss in trainable.losses(network, pairs, turn, settings).items():
                    numbers[f"validation {name}"].append(float(loss))
            pictures = trainable.pictures(network, pairs, settings)
            if RESULT in pictures:
                numbers["rmse_hu"].append(_rmse_hu(pictures[RESULT], pairs))
                numbers["li_rmse_hu"].append(_rmse_hu(pairs.li_image[0], pairs))
                ceiling = pairs.reconstruct(pairs.metal_free_sinogram)
                numbers["ceiling_rmse_hu"].append(_rmse_hu(ceiling[0], pairs))
            if not shown:
                shown = {"image": pairs.image[0], "li": pairs.li_image[0], **pictures, "truth": pairs.truth_mu[0]}
    finally:
        network.train(was_training)
    return {name: sum(values) / len(values) for name, values in numbers.items()}, shown


def _rmse_hu(image: Tensor, pairs: Pairs) -> float:
    """Error of the first slice outside metal in HU, over the window of the primary metric, 0 to 0.5 / cm."""
    difference = (image.float().clamp(0, 0.5) - pairs.truth_mu[0].clamp(0, 0.5))[~pairs.metal[0]]
    return float(difference.square().mean().sqrt()) / MU_WATER * 1000
