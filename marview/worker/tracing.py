"""The metal trace of a slice while its mask is painted: what a `TraceRequest` asks for.

A brush adds to a mask, and the trace of what is added is all that a trace gains: rays through the rest are known.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from marview.mar.messages import Finished, TraceRequest
from marview.worker.front_end import FrontEnd
from marview.worker.resampling import SliceFrame


@dataclass
class _Known:
    """The pixels whose trace was marked last, bool `[1, y, x]`, and that trace, bool `[1, view, bin]`."""

    front: FrontEnd
    pixels: Tensor
    trace: Tensor


_last: _Known | None = None


def mark_trace(request: TraceRequest) -> Finished:
    """Write the trace that a run with this mask would have."""
    started = time.perf_counter()
    _, rows, columns = request.mask.array.shape
    front = _front_end((rows, columns), (request.spacing_mm[1], request.spacing_mm[2]))
    k = request.slice_index
    # The window paints on meanwhile: numpy counts True voxels before it lists them, and must not find more then.
    mask = request.mask.array[k : k + 1].copy()
    with _one_thread():
        request.trace.array[:] = _trace(front, front.hidden(mask))[0].numpy()
    return Finished({"slice_index": k, "seconds": time.perf_counter() - started})


def _trace(front: FrontEnd, pixels: Tensor) -> Tensor:
    global _last  # noqa: PLW0603 - what the worker remembers from one request to the next
    if _last is not None and _last.front is front and not bool((_last.pixels & ~pixels).any()):
        trace = _last.trace | front.rays_through(pixels & ~_last.pixels)
    else:
        trace = front.rays_through(pixels)
    _last = _Known(front, pixels, trace)
    return trace


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
