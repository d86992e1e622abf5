"""Convert units and estimate artifact images for image-domain networks.

The networks use images `[slice, 1, y, x]`, in which attenuation from 0 to 0.5/cm is scaled to the range from -1 to 1.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad

MOST_MU = 0.5
"""Upper end of the network's scale in 1/cm, 1604 HU; the lower end is 0, -1000 HU."""


def to_unit(mu: Tensor) -> Tensor:
    """Clip attenuation in 1/cm, `[slice, y, x]`, and convert it to the network's scale, `[slice, 1, y, x]`."""
    return mu[:, None].clamp(0, MOST_MU) * (2 / MOST_MU) - 1


def to_mu(image: Tensor) -> Tensor:
    """Convert network images, `[slice, 1, y, x]`, to attenuation in 1/cm, `[slice, y, x]`."""
    return (image[:, 0].float() + 1) * (MOST_MU / 2)


def artifact_image(correct: Callable[[Tensor], Tensor], mu: Tensor, fold: int) -> Tensor:
    """Estimate the artifact image: the uncorrected image minus the corrected image.

    Both images are clipped to the network's scale, so subtracting the artifact image does not clip dense
    metal and bone.

    Args:
        correct: network that maps an image to the corrected image, both on the network's scale.
        mu: image with metal, 1/cm, `[slice, y, x]`, of any size.
        fold: number of pixels by which the height and width of the network's images must be divisible.

    Returns:
        Artifact image in 1/cm, `[slice, y, x]`.
    """
    rows, columns = mu.shape[-2:]
    seen = to_unit(mu)
    whole = pad(seen, (0, -columns % fold, 0, -rows % fold), mode="replicate")
    made = correct(whole)[..., :rows, :columns].float().clamp(-1, 1)
    artifact: Tensor = (seen - made)[:, 0] * (MOST_MU / 2)
    return artifact


_SHIFTS = ((0.0, 0.0), (0.5, 0.5), (0.25, 0.75), (0.75, 0.25))
"""Shifts of the copies in y and x, as fractions of `fold`."""


def averaged_over_flips(correct: Callable[[Tensor], Tensor], count: int, fold: int = 1) -> Callable[[Tensor], Tensor]:
    """Average a network's corrections of an image and of its mirrored and shifted copies.

    The errors of the network differ between the copies, so averaging reduces them. Networks that rearrange
    squares of pixels into channels make errors that depend on the position of the squares. The copies are
    therefore also shifted by fractions of `fold`. The run time is proportional to the number of copies.

    Args:
        correct: network that maps images, `[slice, channel, y, x]`, to a corrected image or a correction,
            `[slice, 1, y, x]`.
        count: number of copies, 1 to 4: unchanged, mirrored horizontally, vertically, and in both
            directions.
        fold: number by which the height and width of the network's images must be divisible; with 1, no
            copy is shifted.
    """
    axes: list[tuple[int, ...]] = [(), (3,), (2,), (2, 3)]

    def average(image: Tensor) -> Tensor:
        copies = []
        for flipped, (down, right) in zip(axes[:count], _SHIFTS, strict=False):
            mirrored = image.flip(flipped)
            copies.append(_shifted(correct, mirrored, int(down * fold), int(right * fold), fold).flip(flipped))
        return torch.stack(copies).mean(dim=0)

    return correct if count == 1 else average


def _shifted(correct: Callable[[Tensor], Tensor], image: Tensor, down: int, right: int, fold: int) -> Tensor:
    """Correct an image that is shifted by some pixels, and undo the shift."""
    rows, columns = image.shape[-2:]
    more = (right, -(columns + right) % fold, down, -(rows + down) % fold)
    made = correct(pad(image, more, mode="replicate")).float()
    return made[..., down : down + rows, right : right + columns]
