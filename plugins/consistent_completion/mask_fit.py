"""Fit of the metal mask to the measured rays, if the first joint step shows that the given mask does not fit."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from marview.methods.api import MarCase

from .first_step import FirstStep
from .steps import is_light

MISFIT = 2.5
"""Remainder in the trace, in standard deviations of what the model may be wrong by, above which a mask is fitted.

Masks that fit leave 0.6 to 3.2 on training slices, masks that are one pixel too narrow 2 to 9."""

_GAIN = 0.85
"""Share of the remainder below which a fitted mask is taken: the fit of a mask that is right gains a few percent."""

_LEAST_METAL = 0.1
"""Share of metal below which a pixel is not of the mask; one pixel too many moves the trace in half of the views."""

_SMALL_PIXELS = 100
"""Masks of dense metal with more pixels are kept; a smaller one may be titanium seen through too small a mask."""

_ROUNDS = 3

Begin = Callable[[MarCase], FirstStep]
"""Makes the first joint step of a case."""


def fitted(case: MarCase, step: FirstStep, begin: Begin) -> FirstStep:
    """Return the first joint step of one slice with the mask that fits its rays best.

    The share of metal in a mask that is one pixel wider tells where the metal ends. Dense metal keeps its mask, as its
    rays tell too little, unless a mask is small and a wider one shows that the metal is titanium.

    Args:
        case: the slice.
        step: its first joint step with the given mask.
        begin: makes the first joint step of a case.
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
