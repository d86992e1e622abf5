"""Create the prior image of NMAR, in which air and soft tissue are uniform and bone keeps its values."""

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from marview.physics.attenuation import MU_WATER

_STEP = 0.0005
_HIGHEST = 1.0
_ITERATIONS = 100
_AIR = 0.1 * MU_WATER
_TISSUE = 0.5 * MU_WATER


def prior_image(source: Tensor, metal: Tensor, smoothing_px: float, least_bone: float, *, has_lung: bool) -> Tensor:
    """Create a prior image in 1/cm, `[slice, y, x]`: air becomes 0, soft tissue becomes water, bone is unchanged.

    Metal is replaced by water, and k-means divides the pixels into three classes. After smoothing, pixels
    below the second class become air, and pixels in the second class become water. In a chest, the second
    class may be lung, which becomes water unless `has_lung` is True.

    Args:
        source: image in 1/cm, `[slice, y, x]`.
        metal: metal mask, bool, `[slice, y, x]`.
        smoothing_px: sigma, in pixels, of the 5 x 5 Gaussian kernel that smooths the source.
        least_bone: lower limit for the bone threshold, in 1/cm.
        has_lung: whether pixels between -900 and -500 HU keep their values, like bone.

    Source: Meyer et al. 2010, as modified in CNN-MAR (Zhang and Yu 2018).
    """
    tissue = torch.where(metal, MU_WATER, source)
    air, bone = class_limits(tissue)
    smooth = gaussian(tissue, smoothing_px, radius=2)
    bone = bone.clamp(min=least_bone)
    prior = torch.where(smooth < bone, MU_WATER, smooth)
    if not has_lung:
        return torch.where(smooth <= air, 0.0, prior)
    thin = torch.where(smooth > _AIR, smooth, 0.0)
    return torch.where(smooth <= air.clamp(min=_TISSUE), thin, prior)


def class_limits(
    image: Tensor, starts: tuple[float, float, float] = (0.0, MU_WATER, 2 * MU_WATER)
) -> tuple[Tensor, Tensor]:
    """Compute three k-means classes; return the lower limits of the second and third, in 1/cm, each `[slice, 1, 1]`.

    For speed, k-means runs on a histogram with bins of 0.0005/cm (2.6 HU).

    Args:
        image: image in 1/cm, `[slice, y, x]`.
        starts: initial means, in 1/cm.
    """
    count = round(_HIGHEST / _STEP) + 1
    bins = (image.detach() / _STEP).round_().clamp_(0, count - 1).long().flatten(1)
    slices = len(bins)
    offset = torch.arange(slices, device=image.device)[:, None] * count
    pixels = torch.bincount((bins + offset).flatten(), minlength=slices * count).view(slices, count).double()
    values = torch.arange(count, device=image.device, dtype=torch.float64) * _STEP
    # sums of the bins below each limit, [slice, limit]
    below = torch.cat([torch.zeros_like(pixels[:, :1]), pixels.cumsum(1)], 1)
    weight_below = torch.cat([torch.zeros_like(pixels[:, :1]), (pixels * values).cumsum(1)], 1)
    means = torch.tensor(starts, device=image.device, dtype=torch.float64).repeat(slices, 1)
    for _ in range(_ITERATIONS):
        limits = (means[:, :-1] + means[:, 1:]) / 2
        edges = torch.searchsorted(values, limits)
        edges = torch.cat([torch.zeros_like(edges[:, :1]), edges, torch.full_like(edges[:, :1], count)], 1)
        members = below.gather(1, edges).diff(dim=1)
        sums = weight_below.gather(1, edges).diff(dim=1)
        moved = torch.where(members > 0, sums / members.clamp(min=1), means)
        if torch.equal(moved, means):
            break
        means = moved
    limits = ((means[:, :-1] + means[:, 1:]) / 2).to(image.dtype)
    return limits[:, 0, None, None], limits[:, 1, None, None]


def gaussian(image: Tensor, sigma_px: float, radius: int | None = None) -> Tensor:
    """Smooth images `[slice, y, x]` with a Gaussian kernel, after replicating the borders.

    The default radius of the kernel is four sigma.
    """
    if sigma_px <= 0:
        return image
    reach = math.ceil(4 * sigma_px) if radius is None else radius
    offsets = torch.arange(-reach, reach + 1, device=image.device, dtype=image.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma_px) ** 2)
    kernel = kernel / kernel.sum()
    framed = pad(image[:, None], (reach, reach, reach, reach), mode="replicate")
    return conv2d(conv2d(framed, kernel[None, None, :, None]), kernel[None, None, None, :])[:, 0]
