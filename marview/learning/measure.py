"""Measure the losses and the RMSE of a network on held-out slices.

For comparison, the RMSE of linear interpolation and of a scan without metal are also measured.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from marview.learning.api import Batch, Trainable, Unpaired
from marview.physics.attenuation import MU_WATER

RESULT = "result"
"""Name of the corrected image in the result of `Trainable.pictures`."""

_ERRORS = {
    "rmse_hu": "RMSE outside metal",
    "li_rmse_hu": "RMSE of LI",
    "ceiling_rmse_hu": "RMSE of the FBP without metal",
    "uncorrected_rmse_hu": "RMSE of the uncorrected image",
}
_LOSS = "validation "


def title(name: str) -> tuple[str, str]:
    """Return the title and the unit of a measured value for readers.

    Examples:
        >>> title("validation image")
        ('validation loss (image)', '')
        >>> title("li_rmse_hu")
        ('RMSE of LI', 'HU')
    """
    if name in _ERRORS:
        return _ERRORS[name], "HU"
    return (f"{_LOSS}loss ({name.removeprefix(_LOSS)})" if name.startswith(_LOSS) else name), ""


@torch.no_grad()
def validate(
    trainable: Trainable, network: nn.Module, batches: Sequence[Batch], settings: Mapping[str, Any]
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Measure mean losses and, with a ground truth, errors in HU outside metal; also return preview images.

    Args:
        trainable: losses and pictures of the method.
        network: network to measure; in evaluation mode during the measurement.
        batches: held-out batches.
        settings: settings of the network.

    Returns:
        Mean values over all batches, and preview images of the first batch, both keyed by name. The values
        are `validation NAME` for each loss, and `rmse_hu`. Pairs also have `li_rmse_hu` and
        `ceiling_rmse_hu`. The ceiling is the error of an FBP of the same scan without metal, which sinogram
        completion cannot improve on. Unpaired batches have `uncorrected_rmse_hu` instead.
    """
    numbers: dict[str, list[float]] = defaultdict(list)
    shown: dict[str, Tensor] = {}
    was_training = network.training
    network.eval()
    try:
        for batch in batches:
            for turn in trainable.turns:
                for name, loss in trainable.losses(network, batch, turn, settings).items():
                    numbers[f"validation {name}"].append(float(loss))
            pictures = trainable.pictures(network, batch, settings)
            for name, image in _compared(batch, pictures).items():
                numbers[name].append(_rmse_hu(image, batch))
            if not shown:
                shown = _shown(batch, pictures)
    finally:
        network.train(was_training)
    return {name: sum(values) / len(values) for name, values in numbers.items()}, shown


def _compared(batch: Batch, pictures: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the images of the first slice to compare with the ground truth, keyed by the name of their error."""
    if RESULT not in pictures or batch.truth_mu is None:
        return {}
    result = {"rmse_hu": pictures[RESULT]}
    if isinstance(batch, Unpaired):
        return result | {"uncorrected_rmse_hu": batch.with_metal_mu[0]}
    ceiling = batch.reconstruct(batch.metal_free_sinogram)
    return result | {"li_rmse_hu": batch.li_image[0], "ceiling_rmse_hu": ceiling[0]}


def _shown(batch: Batch, pictures: Mapping[str, Tensor]) -> dict[str, Tensor]:
    truth = {} if batch.truth_mu is None else {"truth": batch.truth_mu[0]}
    if isinstance(batch, Unpaired):
        return {"image": batch.with_metal_mu[0], **pictures, **truth}
    return {"image": batch.image[0], "li": batch.li_image[0], **pictures, **truth}


def _rmse_hu(image: Tensor, batch: Batch) -> float:
    """Return the RMSE of the first slice outside metal in HU, with both images clipped to 0 to 0.5/cm."""
    assert batch.truth_mu is not None
    assert batch.metal is not None
    difference = (image.float().clamp(0, 0.5) - batch.truth_mu[0].clamp(0, 0.5))[~batch.metal[0]]
    return float(difference.square().mean().sqrt()) / MU_WATER * 1000
