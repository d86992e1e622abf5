"""Handle a `TraceRequest`: compute the metal trace of a slice while the user paints its mask.

A brush only adds pixels to the mask, so the worker adds the rays through these pixels to the last trace. After an
erasure, it computes all rays again. In both cases, it resamples only the region of the mask that has changed.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.geometry import TraceCoverage
from marview.mar.messages import Finished, TraceRequest
from marview.methods.trace_completion import grown
from marview.volume.box import box_of
from marview.worker.front_end import FrontEnd
from marview.worker.resampling import SliceFrame


@dataclass
class _Known:
    """The last mask and its trace.

    Attributes:
        front: front end of the grid of the mask.
        mask: painted mask, bool `[1, row, column]`.
        metal: mask on the processing grid, bool `[1, y, x]`.
        pixels: pixels whose rays form the trace, bool `[1, y, x]`.
        trace: metal trace, bool `[1, view, bin]`.
    """

    front: FrontEnd
    mask: NDArray[np.bool_]
    metal: Tensor
    pixels: Tensor
    trace: Tensor


_last: _Known | None = None
_bodies: dict[tuple[FrontEnd, str], dict[int, NDArray[np.uint8]]] = {}
"""Rays through the body for the slices of the last series, packed to bits."""


def mark_trace(request: TraceRequest) -> Finished:
    """Write the metal trace that a run would use for this mask into the request's array."""
    started = time.perf_counter()
    _, rows, columns = request.mask.array.shape
    front = _front_end((rows, columns), (request.spacing_mm[1], request.spacing_mm[2]))
    k = request.slice_index
    # A copy, because NumPy first counts the True pixels and then lists them, and the user may paint in between.
    mask = request.mask.array[k : k + 1].copy()
    with _one_thread():
        trace = _trace(front, mask)[0].numpy()
    request.trace.array[:] = trace
    # Computed here and not in the window, because there it would delay drawing.
    coverage = dataclasses.asdict(TraceCoverage.of(trace, _body(front, request)))
    return Finished({"slice_index": k, "coverage": coverage, "seconds": time.perf_counter() - started})


def _trace(front: FrontEnd, mask: NDArray[np.bool_]) -> Tensor:
    global _last  # noqa: PLW0603 - state of the worker between requests
    known = _last if _last is not None and _last.front is front else None
    metal = front.frame.mask_to_processing(mask) if known is None else _metal(front.frame, mask, known)
    pixels = grown(metal)
    if known is not None and not bool((known.pixels & ~pixels).any()):
        trace = known.trace | front.rays_through(pixels & ~known.pixels)
    else:
        trace = front.rays_through(pixels)
    _last = _Known(front, mask, metal, pixels, trace)
    return trace


def _body(front: FrontEnd, request: TraceRequest) -> NDArray[np.bool_] | None:
    """Return the rays through the body, bool `[view, bin]`; None if the request contains no HU."""
    if request.hu is None:
        return None
    k, beam = request.slice_index, front.beam
    series = (front, str(request.hu.description["path"]))
    if series not in _bodies:
        _bodies.clear()
    rays = _bodies.setdefault(series, {})
    if k not in rays:
        with _one_thread():
            rays[k] = np.packbits(front.rays_through_body(request.hu.array[k : k + 1])[0].numpy(), axis=1)
    return np.unpackbits(rays[k], axis=1, count=beam.bins).astype(bool)


def _metal(frame: SliceFrame, mask: NDArray[np.bool_], known: _Known) -> Tensor:
    """Resample a mask to the processing grid, computing only the region that differs from the last mask."""
    metal = known.metal.clone()
    changed = box_of(mask ^ known.mask)
    if changed is not None:
        frame.renew(metal, mask, changed)
    return metal


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Limit PyTorch to one thread, because more threads only wait for each other on such small matrices."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=2)
def _front_end(shape: tuple[int, int], spacing_mm: tuple[float, float]) -> FrontEnd:
    """Return the front end for slices of this shape and spacing; it is cached during a stroke."""
    return FrontEnd(SliceFrame(shape, spacing_mm), torch.device("cpu"))
