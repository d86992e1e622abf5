"""Build correction requests for the window, the command line, the Python API, sweeps and tables."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from marview.errors import MarviewError, UsageError
from marview.geometry import SliceNumbers
from marview.mar.messages import Device, ReduceRequest
from marview.mar.shared import SharedArray
from marview.wrong_value import one_of

Metal = Callable[[NDArray[np.bool_]], object]
"""Function that marks the metal of a volume in an empty mask, bool `[z, y, x]`."""


def reduce_request(
    method: str,
    hu: SharedArray,
    metal: Metal,
    *,
    spacing_mm: tuple[float, float, float],
    slices: Sequence[int] = (),
    numbers: SliceNumbers | None = None,
    parameters: Mapping[str, Any] | None = None,
    device: str = "auto",
    restore_cut_off: bool = True,
    keep_outputs: bool = False,
    keep_projections: bool = False,
    span: slice | None = None,
) -> ReduceRequest:
    """Build a request to correct a volume, and create shared arrays for the mask and the correction.

    `ReduceRequest.close` frees both; `hu` stays open. The mask uses memory only in slices with metal.

    Args:
        method: identifier of the method.
        hu: int16 HU, `[z, y, x]`.
        metal: function that writes the metal mask of all slices, including those that are not corrected, because some
            methods learn from slices without metal.
        spacing_mm: distance between voxels along (z, y, x).
        slices: indices of the slices to correct, in the order of the results; empty for all slices.
        numbers: slice numbers as shown to users; None to count from the first slice of the array.
        parameters: values of the method's parameters that differ from their defaults.
        device: "auto", "cpu" or "cuda".
        restore_cut_off: whether to restore clipped dark streaks before the method runs.
        keep_outputs: whether to send intermediate images.
        keep_projections: whether the worker keeps the forward projections for the next run on this volume.
        span: range of slices that contains all metal; memory for the mask is reserved only in this range.
            None for all slices.

    Raises:
        UsageError: there is no such device.
        MarviewError: there is not enough memory.
    """
    chosen = device_named(device)
    shape = hu.array.shape
    count = len(slices) if len(slices) else len(hu.array)
    mask = SharedArray.create(shape, np.bool_, reserved=span)
    try:
        # Reserving the planes takes time, so the runner does it when the run begins.
        correction = SharedArray.create((count, *shape[1:]), np.float32, reserved=slice(0, 0))
    except MarviewError:
        mask.close()
        raise
    metal(mask.array)
    return ReduceRequest(
        method=method,
        hu=hu,
        mask=mask,
        spacing_mm=spacing_mm,
        correction=correction,
        slices=tuple(slices),
        parameters=dict(parameters or {}),
        device=chosen,
        restore_cut_off=restore_cut_off,
        keep_outputs=keep_outputs,
        keep_projections=keep_projections,
        is_head_last=numbers is not None and numbers.is_head_last,
    )


def device_named(name: str) -> Device:
    """Return the device with this name.

    Raises:
        UsageError: there is no such device.
    """
    if name not in get_args(Device):
        raise UsageError(f"There is no device {name!r}. Choose {one_of(get_args(Device))}.")
    return cast("Device", name)


def metal_of(mask: NDArray[np.bool_]) -> Metal:
    """Return a function that copies the mask, bool `[z, y, x]`, to an empty array.

    Slices without metal are skipped, so that they do not use memory in the array.
    """

    def write(empty: NDArray[np.bool_]) -> None:
        for z, plane in enumerate(mask):
            if plane.any():
                empty[z] = plane

    return write
