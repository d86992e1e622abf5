"""Check the arrays of a request: their shapes and types, and whether the worker has written the result."""

from collections.abc import Collection, Sequence

import numpy as np

from marview.errors import UsageError
from marview.geometry import processing_beam
from marview.mar.messages import ReduceRequest, Request, SinogramRequest, TraceRequest


def check_arrays(request: ReduceRequest | SinogramRequest) -> None:
    """Check that the arrays and slice indices of a request are valid and consistent.

    Raises:
        UsageError: the arrays or slice indices are invalid or inconsistent.
    """
    shape = request.hu.array.shape
    if len(shape) != 3 or request.hu.array.dtype != np.int16:
        raise UsageError(f"The volume must be int16 [z, y, x], not {request.hu.array.dtype} {shape}.")
    if request.mask.array.shape != shape or request.mask.array.dtype != np.bool_:
        raise UsageError(
            f"The metal mask must be a bool array with the shape of the volume, {shape}, not "
            f"{request.mask.array.shape}."
        )
    if not all(np.isfinite(request.spacing_mm)) or min(request.spacing_mm) <= 0:
        raise UsageError(f"The voxel spacing must be positive, not {request.spacing_mm} mm.")
    if isinstance(request, SinogramRequest):
        slices: Sequence[int] = (request.slice_index,)
    else:
        slices = request.slices
        planes, correction = (len(request.wanted), *shape[1:]), request.correction.array
        if correction.shape != planes or correction.dtype != np.float32:
            raise UsageError(
                f"The correction must be float32 {planes}, one plane per slice, not {correction.dtype} "
                f"{correction.shape}."
            )
        if len(set(slices)) != len(slices):
            raise UsageError("The list of slices contains a slice twice. List each slice once.")
    outside = [k for k in slices if not 0 <= k < shape[0]]
    if outside:
        raise UsageError(f"Slice index {outside[0]} is out of range; valid indices are 0 to {shape[0] - 1}.")


def check_trace(request: TraceRequest) -> None:
    """Check that the mask, slice index and trace of a request are valid and consistent.

    Raises:
        UsageError: the mask, slice index or trace is invalid or inconsistent.
    """
    beam = processing_beam(1.0)
    mask, trace = request.mask.array, request.trace.array
    if mask.ndim != 3 or mask.dtype != np.bool_ or not 0 <= request.slice_index < len(mask):
        raise UsageError(
            f"The mask must be bool [z, y, x] and have an index z {request.slice_index}, not {mask.dtype} {mask.shape}."
        )
    if trace.shape != (beam.views, beam.bins) or trace.dtype != np.bool_:
        raise UsageError(f"The trace must be bool {(beam.views, beam.bins)}, not {trace.dtype} {trace.shape}.")
    if not all(np.isfinite(request.spacing_mm)) or min(request.spacing_mm) <= 0:
        raise UsageError(f"The voxel spacing must be positive, not {request.spacing_mm} mm.")


def mark_unwritten(request: Request) -> None:
    """Set the last pixel of each output plane to NaN, so that a skipped slice does not look corrected.

    The worker writes the last pixel of a plane last. Pixels that are not yet written use no memory.

    Raises:
        NoRoom: there is no room for the corrections.
    """
    if isinstance(request, ReduceRequest):
        request.correction.reserve()
        request.correction.array[:, -1:, -1:] = np.nan


def is_written(request: Request, slice_index: int) -> bool:
    """Return whether the correction of a slice is complete."""
    if not isinstance(request, ReduceRequest) or slice_index not in request.wanted:
        return False
    return bool(np.isfinite(request.correction.array[request.wanted.index(slice_index)]).all())


def unwritten(request: Request, written: Collection[int]) -> list[int]:
    """Return the slices whose correction is not complete."""
    return [k for k in request.wanted if k not in written] if isinstance(request, ReduceRequest) else []


def clear_unwritten(request: Request, written: Collection[int]) -> None:
    """Set the correction of unwritten slices to zero after a run has stopped."""
    # the memory of written slices may be released already
    if isinstance(request, ReduceRequest):
        for row, k in enumerate(request.wanted):
            if k not in written:
                request.correction.array[row] = 0
                request.correction.forget(row)
