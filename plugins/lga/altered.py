"""Volume aggregation: alter the middle slice, so that the encoder learns to use its neighbours (Han 2025)."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

_MOST_RECTANGLES = 6
_MOST_MASKED = 0.25
_MOST_BLUR_PX = 3.0
_COARSE = (2, 4)


def altered(volume: Tensor, share: float) -> Tensor:
    """Mask, blur or downsample the middle slice of some volumes at random.

    Args:
        volume: neighbouring slices in the network's unit, `[slice, neighbour, y, x]`.
        share: fraction of volumes that are altered.

    Returns:
        An altered copy.
    """
    made, middle = volume.clone(), volume.shape[1] // 2
    for one in made:
        if torch.rand(()) >= share:
            continue
        way = (_masked, _blurred, _coarse)[int(torch.randint(3, ()))]
        one[middle] = way(one[middle])
    return made


def _masked(image: Tensor) -> Tensor:
    """Return the image with one to six rectangles of air, which cover at most a quarter of it."""
    masked, (rows, columns) = image.clone(), image.shape
    count = int(torch.randint(1, _MOST_RECTANGLES + 1, ()))
    for _ in range(count):
        edge = (_MOST_MASKED / count) ** 0.5
        height, width = (max(1, int(size * edge * torch.rand(()))) for size in (rows, columns))
        top, left = int(torch.randint(rows - height + 1, ())), int(torch.randint(columns - width + 1, ()))
        masked[top : top + height, left : left + width] = -1
    return masked


def _blurred(image: Tensor) -> Tensor:
    """Return the image with a Gaussian blur of up to three pixels."""
    width = _MOST_BLUR_PX * float(torch.rand(())) + 0.1
    reach = int(3 * width) + 1
    places = torch.arange(-reach, reach + 1, device=image.device, dtype=torch.float32)
    kernel = torch.exp(-((places / width) ** 2) / 2)
    kernel = (kernel / kernel.sum()).to(image.dtype)
    padded = pad(image[None, None], (reach,) * 4, mode="replicate")
    return conv2d(conv2d(padded, kernel[None, None, :, None]), kernel[None, None, None])[0, 0]


def _coarse(image: Tensor) -> Tensor:
    """Return the image with pixels two to four times as large."""
    factor = int(torch.randint(_COARSE[0], _COARSE[1] + 1, ()))
    small = interpolate(image[None, None], scale_factor=1 / factor, mode="area")
    return interpolate(small, size=image.shape, mode="bilinear")[0, 0]
