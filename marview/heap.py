"""The memory that the C library keeps: bounded, and given back to the system."""

import ctypes
import logging
import sys
from functools import cache
from typing import Any

MOST_ARENAS = 2
"""Heaps that threads share. By default glibc makes eight for each core, and each keeps its own free memory."""

LARGE_BYTES = 4 * 2**20
"""Larger blocks go back to the system when they are freed."""

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

    Threads that come and go otherwise leave free memory in many heaps, and what one thread frees no other one uses.

    Args:
        maps_large: whether large blocks go back to the system when they are freed; a process that computes with them
            would get fresh pages for every one, which costs as much as the computation.
    """
    glibc = _glibc()
    if glibc is None:
        return
    options = [(_M_ARENA_MAX, MOST_ARENAS)]
    if maps_large:
        options.append((_M_MMAP_THRESHOLD, LARGE_BYTES))
    for option, value in options:
        if not glibc.mallopt(option, value):
            _log.info("the C library did not take option %d", option)


def give_back() -> None:
    """Give the free pages of the heap back to the system; takes some milliseconds."""
    glibc = _glibc()
    if glibc is not None:
        glibc.malloc_trim(0)
