"""Losses shared by several methods; each is a mean that does not depend on the image size."""

from collections.abc import Callable

import torch
from torch import Tensor

_TINY = 1e-8
"""Added before a square root, so that its gradient stays finite at 0."""


def l1(found: Tensor, wanted: Tensor, where: Tensor | None = None) -> Tensor:
    """Compute the mean absolute difference.

    Args:
        found: tensor of any shape.
        wanted: tensor of the same shape.
        where: mask or weights of the same shape for a weighted mean; None for the plain mean.
    """
    return _mean((found.float() - wanted.float()).abs(), where)


def l2(found: Tensor, wanted: Tensor, where: Tensor | None = None) -> Tensor:
    """Compute the mean squared difference; the arguments are the same as for `l1`."""
    return _mean((found.float() - wanted.float()).square(), where)


def rms(found: Tensor, wanted: Tensor, where: Tensor | None = None) -> Tensor:
    """Compute the root mean square difference of each image, averaged over the images; see `l1` for the arguments.

    Unlike with `l2`, an image with strong artifacts does not dominate the others.
    """
    squares = (found.float() - wanted.float()).square().flatten(1)
    weights = torch.ones_like(squares) if where is None else where.to(squares.dtype).flatten(1)
    means = (squares * weights).sum(dim=1) / torch.clamp(weights.sum(dim=1), min=1.0)
    return (means + _TINY).sqrt().mean()


def adversarial(judged: Tensor, wanted: float) -> Tensor:
    """Compute the least-squares adversarial loss (Mao 2017).

    The loss is the mean squared difference between a discriminator's outputs `judged` and their target
    `wanted`, which is 1 or 0.
    """
    return (judged.float() - wanted).square().mean()


def judged_apart(judge: Callable[[Tensor], Tensor], real: Tensor, made: Tensor) -> Tensor:
    """Compute a discriminator's loss, averaged over real images (target 1) and generated images (target 0)."""
    return (adversarial(judge(real), 1.0) + adversarial(judge(made), 0.0)) / 2


def seen_error(error: Tensor) -> Tensor:
    """Compute the mean squared error of each sinogram, weighted by the ramp filter of FBP.

    The errors are `[slice, view, bin]`, and the result is `[slice]`.

    The weight of an error grows in proportion to its frequency along the bins, as in FBP. A window
    suppresses the highest frequencies, which are mostly noise.
    """
    bins = error.shape[-1]
    spectrum = torch.fft.rfft(error, n=2 * bins)
    ramp = torch.linspace(0, 1, spectrum.shape[-1], device=error.device)
    weight = ramp * (1 + torch.cos(torch.pi * ramp)) / 2
    power = spectrum.real.square() + spectrum.imag.square()
    seen: Tensor = (power * weight).sum(dim=-1).mean(dim=-1) / bins**2
    return seen


def _mean(values: Tensor, where: Tensor | None) -> Tensor:
    if where is None:
        return values.mean()
    weights = where.to(values.dtype)
    return (values * weights).sum() / torch.clamp(weights.sum(), min=1.0)
