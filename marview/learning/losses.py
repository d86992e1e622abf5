"""Losses that methods share; each is a mean, so that it does not grow with the image."""

import torch
from torch import Tensor


def l1(found: Tensor, wanted: Tensor, where: Tensor | None = None) -> Tensor:
    """Mean absolute difference.

    Args:
        found: of any shape.
        wanted: of the same shape.
        where: bool or weights of the same shape: the mean is over these places; all if None.
    """
    return _mean((found.float() - wanted.float()).abs(), where)


def l2(found: Tensor, wanted: Tensor, where: Tensor | None = None) -> Tensor:
    """Mean squared difference; arguments as of `l1`."""
    return _mean((found.float() - wanted.float()).square(), where)


def _mean(values: Tensor, where: Tensor | None) -> Tensor:
    if where is None:
        return values.mean()
    weights = where.to(values.dtype)
    return (values * weights).sum() / torch.clamp(weights.sum(), min=1.0)
