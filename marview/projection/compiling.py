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

with chdir(NEUTRAL_FOLDER):  # numba takes settings, its cache of compiled code among them, from the current folder
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
    """Compile at the first call, free of Python's lock; kept on disk for the next process where one can be written.

    A function defined in another one may use numbers of that one, but no kernel: numba would compile it again in each
    process. It can call a `kernel_part` instead.

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
    """Have a frozen function name its source in full, as one of a checkout does.

    Where the name is relative, numba looks in the current folder for compiled code, and runs what it finds there.
    """
    named = Path(function.__code__.co_filename)
    if not named.is_absolute():
        function.__code__ = function.__code__.replace(co_filename=str(_ROOT / named))


@cache
def _pool() -> ThreadPoolExecutor:
    """The one pool of this process; it starts a thread only where none is idle."""
    return ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="projection")


def share(work: Callable[[int], None], parts: Sequence[int]) -> None:
    """Call `work` once for each part on as many threads as are free, this one included.

    Args:
        work: writes to another place for each part.
        parts: what `work` is called with.
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
                except BaseException as error:  # noqa: BLE001 - raised by whoever shares the work
                    ended.put(error)

    with suppress(RuntimeError):  # no thread can start: this one does the work
        for _ in range(min(threads(), len(parts)) - 1):
            _pool().submit(take)
    take()
    failed = [error for error in [ended.get() for _ in parts] if error is not None]
    if failed:
        raise failed[0]
