"""Limit the heap of the process, return free memory to the system, and align large arrays to large pages."""

import ctypes
import logging
import math
import sys
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

MOST_ARENAS = 2
"""Number of heaps that threads share. By default glibc makes eight per core, and each keeps its own free memory."""

LARGE_BYTES = 4 * 2**20
"""Size in bytes above which a freed block is returned to the system."""

LARGE_PAGE = 2 * 2**20
"""Size of a large page in bytes; allocating new memory in pages of 4 kB can take ten times as long."""

_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3
_log = logging.getLogger(__name__)


@cache
def _glibc() -> Any:
    """Return the C library if it is glibc; None on other systems."""
    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL("libc.so.6")
        return library if hasattr(library, "malloc_trim") else None
    except OSError:
        return None


def bound_heap(*, maps_large: bool = True) -> None:
    """Keep the heap of a long-lived process from growing; call it before threads start.

    Otherwise, short-lived threads leave free memory in many heaps, where other threads do not reuse it.

    Args:
        maps_large: whether large blocks are returned to the system when they are freed. A process that computes with
            large blocks should keep them, because allocating new pages takes as long as the computation.
    """
    glibc = _glibc()
    if glibc is None:
        return
    options = [(_M_ARENA_MAX, MOST_ARENAS)]
    if maps_large:
        options.append((_M_MMAP_THRESHOLD, LARGE_BYTES))
    for option, value in options:
        if not glibc.mallopt(option, value):
            _log.info("the C library did not accept option %d", option)


def give_back() -> None:
    """Return the free pages of the heap to the system, which takes a few milliseconds."""
    glibc = _glibc()
    if glibc is not None:
        glibc.malloc_trim(0)


def empty_in_large_pages(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised array, aligned to large pages if it is at least one large page in size.

    numpy asks the system for large pages but does not align its arrays, so up to 2 MB at each end are in
    small pages.
    """
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if size < LARGE_PAGE:
        return np.empty(shape, kind)
    room = np.empty(-(-size // LARGE_PAGE) * LARGE_PAGE + LARGE_PAGE, np.uint8)
    start = -room.ctypes.data % LARGE_PAGE
    return room[start : start + size].view(kind).reshape(shape)
