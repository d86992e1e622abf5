"""Compile kernels with numba, and distribute their work among threads."""

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, suppress
from functools import cache
from pathlib import Path
from typing import Any

from marview.children import NEUTRAL_FOLDER
from marview.threads import threads

with chdir(NEUTRAL_FOLDER):  # numba reads settings, such as its cache folder, from a file in the current folder
    import numba

_MOST_THREADS = 256
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "fastmath": {"contract", "reassoc", "nsz"},
    "boundscheck": False,
    "error_model": "numpy",
}
_ROOT = Path(__file__).resolve().parents[2]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function on its first call, and cache it on disk if possible.

    The compiled function runs without Python's GIL. A nested function may use numbers from the enclosing
    function. It may call a `kernel_part`, but not another kernel, because numba would then recompile the
    function in every process.

    Raises:
        TypeError: the function uses objects from the enclosing function that are not numbers.
    """
    if not all(isinstance(cell.cell_contents, int) for cell in function.__closure__ or ()):
        raise TypeError(f"{function.__qualname__} may use only numbers from the enclosing function.")
    _anchor(function)
    compiler: Any = numba.njit
    try:
        return compiler(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # numba finds no folder that it can write to
        return compiler(**_OPTIONS)(function)


def kernel_part(function: Callable[..., Any]) -> Any:
    """Compile a function into each kernel that calls it, and treat constant arguments as compile-time constants."""
    overload: Any = numba.extending.overload
    overload(function, jit_options=_OPTIONS, strict=False, prefer_literal=True)(lambda *_: function)
    return function


def _anchor(function: Callable[..., Any]) -> None:
    """Give a function in a packaged program the absolute path of its source file.

    With a relative path, numba would search the current folder for compiled code and run it.
    """
    named = Path(function.__code__.co_filename)
    if not named.is_absolute():
        function.__code__ = function.__code__.replace(co_filename=str(_ROOT / named))


@cache
def _pool() -> ThreadPoolExecutor:
    """Return the thread pool of this process; it starts a thread only if none is idle."""
    return ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="projection")


def share(work: Callable[[int], None], parts: Sequence[int]) -> None:
    """Call `work` once for each part, in parallel on this thread and the idle threads of the pool.

    Args:
        work: function to call; different calls must write to different memory.
        parts: arguments of `work`, one per call.
    """
    left: queue.SimpleQueue[int] = queue.SimpleQueue()
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    for part in parts:
        left.put(part)

    def take() -> None:
        with suppress(queue.Empty):
            while True:
                part = left.get_nowait()
                try:
                    work(part)
                    ended.put(None)
                except BaseException as error:  # noqa: BLE001 - `share` raises it again
                    ended.put(error)

    with suppress(RuntimeError):  # no other thread can start, so this one does all the work
        for _ in range(min(threads(), len(parts)) - 1):
            _pool().submit(take)
    take()
    failed = [error for error in [ended.get() for _ in parts] if error is not None]
    if failed:
        raise failed[0]
