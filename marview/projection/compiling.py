"""Compile kernels and share their work among threads."""

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, suppress
from functools import cache
from pathlib import Path
from typing import Any

from marview.children import NEUTRAL_FOLDER
from marview.threads import threads

with chdir(NEUTRAL_FOLDER):  # numba reads settings, such as the place of its cache, from the current folder
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
    """Compile a function at its first call, to run without Python's lock; the result is cached on disk if possible.

    A nested function may use numbers of the function around it, but it must not call a kernel, because numba would
    compile it again in each process. It can call a `kernel_part` instead.

    Raises:
        TypeError: the function uses something else of the function around it.
    """
    if not all(isinstance(cell.cell_contents, int) for cell in function.__closure__ or ()):
        raise TypeError(f"{function.__qualname__} may use only numbers of the function around it.")
    _anchor(function)
    compiler: Any = numba.njit
    try:
        return compiler(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # numba finds no folder it may write to
        return compiler(**_OPTIONS)(function)


def kernel_part(function: Callable[..., Any]) -> Any:
    """Compile a function into each kernel that calls it, with the constants among its arguments built in."""
    overload: Any = numba.extending.overload
    overload(function, jit_options=_OPTIONS, strict=False, prefer_literal=True)(lambda *_: function)
    return function


def _anchor(function: Callable[..., Any]) -> None:
    """Give a function of a frozen program the full path of its source, as in a checkout.

    With a relative name, numba would look for compiled code in the current folder and run what it finds there.
    """
    named = Path(function.__code__.co_filename)
    if not named.is_absolute():
        function.__code__ = function.__code__.replace(co_filename=str(_ROOT / named))


@cache
def _pool() -> ThreadPoolExecutor:
    """Return the thread pool of this process; it starts a thread only if none is idle."""
    return ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="projection")


def share(work: Callable[[int], None], parts: Sequence[int]) -> None:
    """Call `work` for each part, on this thread and all free ones.

    Args:
        work: function that writes each part to a different place.
        parts: arguments of the calls.
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

    with suppress(RuntimeError):  # no thread can start: this one does the work
        for _ in range(min(threads(), len(parts)) - 1):
            _pool().submit(take)
    take()
    failed = [error for error in [ended.get() for _ in parts] if error is not None]
    if failed:
        raise failed[0]
