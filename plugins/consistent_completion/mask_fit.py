"""Fit of the metal mask to the measured rays, if the first joint step shows that the given mask does not fit."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from marview.methods.api import MarCase

from .first_step import FirstStep
from .steps import is_light

MISFIT = 2.5
"""Residual in the trace, in standard deviations of the model's error, above which a mask is fitted. On training slices
it is 0.6 to 3.2 with correct masks, and 2 to 9 with masks that are one pixel too narrow."""

_GAIN = 0.85
"""Share of the residual below which a fitted mask is used: fitting a correct mask gains only a few percent."""

_LEAST_METAL = 0.1
"""Share of metal below which a pixel leaves the mask; one pixel too many moves the trace in half of the views."""

_SMALL_PIXELS = 100
"""Size in pixels above which masks of dense metal remain unchanged; in a smaller one, the metal may be titanium whose
mask is too small."""

_ROUNDS = 3

Begin = Callable[[MarCase], FirstStep]
"""Function that makes the first joint step of a case."""


def fitted(case: MarCase, step: FirstStep, begin: Begin) -> FirstStep:
    """Return the first joint step of one slice with the mask that fits its rays best.

    The share of metal in a mask that is one pixel wider shows where the metal ends. The mask of dense metal remains
    unchanged, because its rays contain too little information, unless it is small and a wider mask shows that the metal
    is titanium.

    Args:
        case: the slice.
        step: its first joint step with the given mask.
        begin: function that makes the first joint step of a case.
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
    """Widen masks `[slice, y, x]` by one pixel."""
    return torch.nn.functional.max_pool2d(mask[:, None].float(), 3, stride=1, padding=1)[:, 0] > 0
