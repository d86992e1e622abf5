"""Check whether the network's change to the NMAR image agrees with measured rays beside the metal trace.

Streaks come from wrong values in the metal trace, so removing streaks mainly changes the rays in the
trace. If a change alters the measured rays beside the trace almost as much, the network has probably
invented tissue. In this case, only the part of the change that agrees with the measured rays is kept.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import max_pool1d

from .shown import Shown

_BESIDE_BINS = 20
_LARGEST = 0.6
"""Width of the band beside the metal trace, and the largest contradiction. Chosen on eight simulated slices, which
reach 62 %."""

_STEPS, _WEIGHT = 12, 0.003
"""Steps of the conjugate gradients, and the weight of the change relative to the measured rays. Chosen on two simulated
slices whose estimates had been shifted by 100 HU."""


def contradiction(shown: Shown, change: Tensor) -> float:
    """Return how much a change alters the rays beside the metal trace, relative to the rays in the trace.

    The result is the RMS line integral of the change beside the trace, divided by its RMS in the trace.

    Args:
        shown: data of the slice.
        change: change to the image, 1/cm, `[1, y, x]`.
    """
    rays = shown.projector.forward(change).square()
    band = max_pool1d(shown.trace.float(), 2 * _BESIDE_BINS + 1, stride=1, padding=_BESIDE_BINS) > 0
    beside = band & ~shown.trace
    if not bool(beside.any()):
        return 0.0
    return float((rays[beside].mean() / rays[shown.trace].mean().clamp(min=1e-12)).sqrt())


def contradicts(shown: Shown, change: Tensor) -> bool:
    """Return whether a change alters the measured rays beside the trace too much; see `contradiction`."""
    return contradiction(shown, change) > _LARGEST


def consistent(shown: Shown, change: Tensor, pause: Callable[[], None] = lambda: None) -> Tensor:
    """Return the part of a change that preserves the measured rays outside the trace, 1/cm, `[1, y, x]`.

    Conjugate gradients minimise the squared line integrals of the result outside the trace, plus the squared
    difference between the result and the change.

    Args:
        shown: data of the slice.
        change: change to the image, 1/cm, `[1, y, x]`; pixels where it is 0 stay unchanged.
        pause: function called in each step, so that a run can be cancelled.

    Source: M. R. Hestenes and E. Stiefel, Methods of conjugate gradients for solving linear systems, 1952.
    """
    projector, near, measured = shown.projector, change != 0, ~shown.trace

    def outside(image: Tensor) -> Tensor:
        return projector.adjoint(projector.forward(image) * measured) * near

    even = near.to(change.dtype)
    scale = (outside(even).norm() / even.norm().clamp(min=1e-6)).clamp(min=1e-6)  # about the largest eigenvalue
    result, left = change.clone(), -outside(change) / scale
    direction, energy = left.clone(), left.square().sum()
    for _ in range(_STEPS):
        pause()
        if float(energy) == 0:
            break
        image = outside(direction) / scale + _WEIGHT * direction
        step = energy / (direction * image).sum()
        result, left = result + step * direction, left - step * image
        energy, before = left.square().sum(), energy
        direction = left + energy / before * direction
    return result
