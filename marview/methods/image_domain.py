"""The unit of networks that see only the image, and the artifact image that they find.

A network sees an attenuation of 0 to 0.5/cm as -1 to 1, `[slice, 1, y, x]`.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

MOST_MU = 0.5
"""Attenuation in 1/cm where the network's scale ends, 1604 HU; the scale begins at 0, -1000 HU."""


def to_unit(mu: Tensor) -> Tensor:
    """Convert attenuation in 1/cm, `[slice, y, x]`, to the network's scale, `[slice, 1, y, x]`, and clip it there."""
    return mu[:, None].clamp(0, MOST_MU) * (2 / MOST_MU) - 1


def to_mu(image: Tensor) -> Tensor:
    """Convert images of the network, `[slice, 1, y, x]`, to attenuation in 1/cm, `[slice, y, x]`."""
    return (image[:, 0].float() + 1) * (MOST_MU / 2)


def artifact_image(correct: Callable[[Tensor], Tensor], mu: Tensor, fold: int) -> Tensor:
    """Estimate the artifact image x - x̂, the difference between uncorrected and corrected image.

    Both images end where the network's scale ends, so that dense metal and bone beyond the scale keep their values in
    a result.

    Args:
        correct: the network: image to corrected image, both in its unit.
        mu: image with metal, 1/cm, `[slice, y, x]`, of any size.
        fold: number that edges of the network's images must be multiples of.

    Returns:
        Artifact image in 1/cm, `[slice, y, x]`.
    """
    rows, columns = mu.shape[-2:]
    seen = to_unit(mu)
    whole = pad(seen, (0, -columns % fold, 0, -rows % fold), mode="replicate")
    made = correct(whole)[..., :rows, :columns].float().clamp(-1, 1)
    artifact: Tensor = (seen - made)[:, 0] * (MOST_MU / 2)
    return artifact


def averaged_over_flips(correct: Callable[[Tensor], Tensor], count: int) -> Callable[[Tensor], Tensor]:
    """Average a network's corrections of an image and of its mirrored copies.

    The network errs differently in each copy, so part of its error cancels. Each copy takes the time of a correction.

    Args:
        correct: the network: image to corrected image, `[slice, 1, y, x]`.
        count: number of copies, 1 to 4: unchanged, mirrored horizontally, vertically, and in both directions.
    """
    axes: list[tuple[int, ...]] = [(), (3,), (2,), (2, 3)]

    def average(image: Tensor) -> Tensor:
        return torch.stack([correct(image.flip(each)).float().flip(each) for each in axes[:count]]).mean(dim=0)

    return correct if count == 1 else average
