"""Filling the metal trace of a sinogram by linear interpolation along the bins.

W. A. Kalender, R. Hebel, J. Ebersberger, Reduction of CT artifacts caused by metallic implants, Radiology 164, 1987.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def fill_linear(sinogram: Tensor | NDArray[Any], trace: Tensor | NDArray[Any]) -> Tensor:
    """The sinogram with its trace filled from the bins beside it, `[..., view, bin]`; differentiable in the sinogram.

    Within a view as `numpy.interp`; where the trace touches the detector's edge the nearest value is held; a view that is
    trace throughout is interpolated between the nearest views that are not; where all is trace nothing changes.

    Args:
        sinogram: line integrals.
        trace: true where metal was met, of the same shape.
    """
    values = sinogram if isinstance(sinogram, Tensor) else torch.from_numpy(np.ascontiguousarray(sinogram))
    covered = (trace if isinstance(trace, Tensor) else torch.from_numpy(np.ascontiguousarray(trace))) > 0
    values = _along(values, covered)
    whole = covered.all(dim=-1, keepdim=True).expand_as(covered)
    if not bool(whole.any()):
        return values
    return _along(values.transpose(-1, -2), whole.transpose(-1, -2)).transpose(-1, -2).contiguous()


def _along(values: Tensor, covered: Tensor) -> Tensor:
    """Fill along the last axis between the nearest values that are not covered."""
    count = values.shape[-1]
    index = torch.arange(count, device=values.device).expand(values.shape)
    before = torch.where(covered, -1, index).cummax(dim=-1).values
    after = torch.where(covered, count, index).flip(-1).cummin(dim=-1).values.flip(-1)
    empty = covered.all(dim=-1, keepdim=True)
    before, after = torch.where(before < 0, after, before), torch.where(after >= count, before, after)
    span = (after - before).clamp(min=1)
    part = ((index - before) / span).to(values.dtype)
    low = values.gather(-1, torch.where(empty, index, before))
    high = values.gather(-1, torch.where(empty, index, after))
    return torch.where(covered, low + (high - low) * part, values)
