"""Fill the metal trace of a sinogram by linear interpolation along the bins.

W. A. Kalender, R. Hebel, J. Ebersberger, Reduction of CT artifacts caused by metallic implants, Radiology 164, 1987.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.errors import UsageError
from marview.projection.compiling import kernel, share

ROWS = 512  # views per thread


def fill_linear(sinogram: Tensor | NDArray[Any], trace: Tensor | NDArray[Any]) -> Tensor:
    """Fill the trace of a sinogram, `[..., view, bin]`, from neighbouring bins.

    The operation is differentiable with respect to the sinogram.

    Each view is interpolated as in `numpy.interp`; at the edge of the detector, the nearest value is
    repeated. A view completely inside the trace is interpolated from the nearest other views. If the
    trace covers the whole sinogram, the sinogram stays unchanged.

    Args:
        sinogram: line integrals.
        trace: bool array of the same shape; True where the ray crosses metal.

    Raises:
        UsageError: the two shapes differ.
    """
    values = sinogram if isinstance(sinogram, Tensor) else torch.from_numpy(np.ascontiguousarray(sinogram))
    covered = trace if isinstance(trace, Tensor) else torch.from_numpy(np.ascontiguousarray(trace))
    if values.shape != covered.shape or values.ndim < 2:
        raise UsageError(
            f"A sinogram and its trace must have the same shape [..., view, bin], not {tuple(values.shape)} "
            f"and {tuple(covered.shape)}."
        )
    covered = covered if covered.dtype == torch.bool else covered > 0
    if values.device.type == "cpu" and not values.requires_grad and values.dtype in {torch.float32, torch.float64}:
        filled = values.contiguous().clone()
        _fill_on_cpu(filled.view(-1, values.shape[-1]).numpy(), covered.reshape(-1, values.shape[-1]).numpy())
    else:
        filled = _along(values, covered)
    whole = covered.all(dim=-1, keepdim=True)
    if not bool(whole.any()):
        return filled
    whole = whole.expand_as(covered)
    return _along(filled.transpose(-1, -2), whole.transpose(-1, -2)).transpose(-1, -2).contiguous()


@kernel
def _fill(values, covered, row_from, row_to):  # type: ignore[no-untyped-def]
    bins = values.shape[1]
    real = values.dtype.type
    for row in range(row_from, row_to):
        before = -1  # the last bin outside the trace
        for here in range(bins + 1):
            if here < bins and covered[row, here]:
                continue
            if here - before > 1 and not (before < 0 and here == bins):
                low = values[row, before if before >= 0 else here]
                high = values[row, here if here < bins else before]
                span = here - before
                for between in range(before + 1, here):
                    values[row, between] = low + (high - low) * (real(between - before) / real(span))
            before = here


def _fill_on_cpu(values: NDArray[Any], covered: NDArray[np.bool_]) -> None:
    def part(row: int) -> None:
        _fill(values, covered, row, min(row + ROWS, len(values)))

    share(part, range(0, len(values), ROWS))


def _along(values: Tensor, covered: Tensor) -> Tensor:
    """Fill along the last axis between the nearest values outside the trace, with PyTorch operations."""
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
