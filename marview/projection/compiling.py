"""How kernels are compiled, and on how many threads they run."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numba

from marview.errors import UsageError


def kernel(function: Callable[..., Any]) -> Any:
    """Compile at the first call, free of Python's lock; kept on disk for the next process where one can be written."""
    compiler: Any = numba.njit
    options = {"nogil": True, "fastmath": {"contract", "reassoc", "nsz"}, "boundscheck": False, "error_model": "numpy"}
    try:
        return compiler(cache=True, **options)(function)
    except RuntimeError:  # numba finds no folder it may write to
        return compiler(**options)(function)


def threads() -> int:
    """Threads a projection uses: `MARVIEW_THREADS`, else what this process may run on.

    Raises:
        UsageError: `MARVIEW_THREADS` is no positive number.
    """
    asked = os.environ.get("MARVIEW_THREADS", "").strip()
    if not asked:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not asked.isdigit() or int(asked) < 1:
        raise UsageError(f"MARVIEW_THREADS must be a positive whole number, not {asked!r}: correct it or leave it out")
    return int(asked)


@cache
def _pool(size: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(size, thread_name_prefix="projection")


def share(work: Callable[[int], None], parts: Sequence[int]) -> None:
    """Call `work` once for each part, on all threads; parts must write to different places."""
    count = min(threads(), len(parts))
    if count <= 1:
        for part in parts:
            work(part)
        return
    for _ in _pool(count).map(work, parts):
        pass
