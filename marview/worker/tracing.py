"""The metal trace of a slice while its mask is painted: what a `TraceRequest` asks for."""

import contextlib
import time
from collections.abc import Iterator
from functools import lru_cache

import torch

from marview.mar.messages import Finished, TraceRequest
from marview.worker.front_end import FrontEnd
from marview.worker.resampling import SliceFrame


def mark_trace(request: TraceRequest) -> Finished:
    """Write the trace that a run with this mask would have."""
    started = time.perf_counter()
    _, rows, columns = request.mask.array.shape
    front = _front_end((rows, columns), (request.spacing_mm[1], request.spacing_mm[2]))
    k = request.slice_index
    # The window paints on meanwhile: numpy counts True voxels before it lists them, and must not find more then.
    mask = request.mask.array[k : k + 1].copy()
    with _one_thread():
        request.trace.array[:] = front.trace(mask)[0].numpy()
    return Finished({"slice_index": k, "seconds": time.perf_counter() - started})


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
