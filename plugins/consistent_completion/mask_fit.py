"""Fit the metal mask to the measured rays if the first joint step shows that the given mask is wrong."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from marview.methods.api import MarCase

from .first_step import FirstStep
from .steps import is_light

MISFIT = 2.5
"""Residual in the trace, in standard deviations of the model's error, above which a mask is fitted. On training slices,
the residual is 0.6 to 3.2 for correct masks, and 2 to 9 for masks that are one pixel too narrow."""

_GAIN = 0.85
"""Largest ratio of the residual after the fit to the residual before it, for which a fitted mask is used. Fitting a
correct mask reduces the residual only by a few percent."""

_LEAST_METAL = 0.1
"""Metal fraction below which a pixel is removed from the mask; a single wrong pixel changes the trace in half of the
views."""

_SMALL_PIXELS = 100
"""Size in pixels above which masks of dense metal stay unchanged. Metal in a smaller mask may be titanium, which looks
dense if the mask is too small."""

_ROUNDS = 3

Begin = Callable[[MarCase], FirstStep]
"""Function that makes the first joint step of a case."""


def fitted(case: MarCase, step: FirstStep, begin: Begin) -> FirstStep:
    """Repeat the first joint step of a slice with the mask that best fits the rays.

    To locate the edge of the metal, metal fractions are estimated in a mask that is one pixel wider. Masks
    of dense metal stay unchanged, because rays through dense metal contain too little information. However,
    a small mask of seemingly dense metal is fitted if a wider mask shows that the metal is titanium.

    Args:
        case: case with this slice only.
        step: first joint step with the given mask.
        begin: function that performs the first joint step for a case.
    """
    best, mask = step, case.metal
    if not is_light(step.scan.metals[0]) and int(mask.sum()) > _SMALL_PIXELS:
        return step
    for _ in range(_ROUNDS):
        wider = begin(_with_mask(case, _dilated(mask)))
        if not is_light(wider.scan.metals[0]):
            break
        mask = wider.scan.metal & (wider.estimate.share > _LEAST_METAL)
        narrower = begin(_with_mask(case, mask)) if bool(mask.any()) else wider
        better = min(wider, narrower, key=lambda each: float(each.misfit))
        if float(better.misfit) >= float(best.misfit):
            break
        best = better
        if float(best.misfit) < MISFIT:
            break
    is_better = bool(best.is_trusted) and float(best.misfit) < _GAIN * float(step.misfit)
    return best if is_better else step


def _with_mask(case: MarCase, mask: Tensor) -> MarCase:
    return replace(case, metal=mask, measured_trace=None)


def _dilated(mask: Tensor) -> Tensor:
    """Grow masks `[slice, y, x]` by one pixel."""
    return torch.nn.functional.max_pool2d(mask[:, None].float(), 3, stride=1, padding=1)[:, 0] > 0
