"""The metal trace of a slice while its mask is painted: what a `TraceRequest` asks for.

A brush adds to a mask, and the trace of what is added is all that a trace gains: rays through the rest are known. On
the processing grid, too, nothing changes but where the brush has been.
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
    """What was marked last.

    Attributes:
        front: the grid it was marked on.
        mask: the mask as it was painted, bool `[1, row, column]`.
        metal: the same on the processing grid, bool `[1, y, x]`.
        pixels: those whose rays make the trace, bool `[1, y, x]`.
        trace: its rays, bool `[1, view, bin]`.
    """

    front: FrontEnd
    mask: NDArray[np.bool_]
    metal: Tensor
    pixels: Tensor
    trace: Tensor


_last: _Known | None = None
_bodies: dict[tuple[FrontEnd, str], dict[int, NDArray[np.uint8]]] = {}
"""The rays through the body in the slices of the last series, packed to bits."""


def mark_trace(request: TraceRequest) -> Finished:
    """Write the trace that a run with this mask would have."""
    started = time.perf_counter()
    _, rows, columns = request.mask.array.shape
    front = _front_end((rows, columns), (request.spacing_mm[1], request.spacing_mm[2]))
    k = request.slice_index
    # The window paints on meanwhile: numpy counts True voxels before it lists them, and must not find more then.
    mask = request.mask.array[k : k + 1].copy()
    with _one_thread():
        trace = _trace(front, mask)[0].numpy()
    request.trace.array[:] = trace
    # Here, where it holds nobody up: in the window it would wait for what draws there.
    coverage = dataclasses.asdict(TraceCoverage.of(trace, _body(front, request)))
    return Finished({"slice_index": k, "coverage": coverage, "seconds": time.perf_counter() - started})


def _trace(front: FrontEnd, mask: NDArray[np.bool_]) -> Tensor:
    global _last  # noqa: PLW0603 - what the worker remembers from one request to the next
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
    """The rays through the body, bool `[view, bin]`; None where nothing is known of it."""
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
    """A mask on the processing grid, worked out anew only around what differs from the one that is known."""
    metal = known.metal.clone()
    changed = box_of(mask ^ known.mask)
    if changed is not None:
        frame.renew(metal, mask, changed)
    return metal


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch on one thread: on matrices as small as a mask's box, several only wait for one another."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@lru_cache(maxsize=2)
def _front_end(shape: tuple[int, int], spacing_mm: tuple[float, float]) -> FrontEnd:
    """Kept from one event of a stroke to the next."""
    return FrontEnd(SliceFrame(shape, spacing_mm), torch.device("cpu"))
