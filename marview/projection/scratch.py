"""Reuse memory, because allocating new memory pages takes as much time as projecting into them.

A batch of slices needs a few hundred megabytes for a fraction of a second. If this memory were freed
after each batch, the system would have to clear and map every page again.
"""

import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

KEPT = 320e6
"""Largest amount of unused memory that is kept, in bytes."""
LEAST = 1 << 20
"""Size in bytes below which arrays are allocated normally, because small allocations are fast. Larger arrays get a
multiple of this size, so that arrays of almost the same size can reuse the same memory."""
_LINE = 64

_free: list[NDArray[np.uint8]] = []
_lock = threading.RLock()  # an array may be deleted, and return its memory, while this thread allocates another one


def empty(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised flat array that is aligned to cache lines.

    The memory is reused after the array is deleted. From then on, views of the array must not be used,
    because they do not prevent this reuse. The alignment matters because vectors that cross a cache line
    load at half the speed.
    """
    length = size * np.dtype(dtype).itemsize
    room = _borrow(length + _LINE)
    skip = -room.ctypes.data % _LINE
    array = room[skip : skip + length].view(dtype)
    if length >= LEAST:
        weakref.finalize(array, _give_back, room).atexit = False
    return array


def zeros(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return a flat array of zeros, aligned and reused like the result of `empty`."""
    array = empty(size, dtype)
    array[:] = 0
    return array


def kept_bytes() -> int:
    """Return the number of bytes kept for reuse."""
    with _lock:
        return sum(room.nbytes for room in _free)


def let_go() -> None:
    """Free the memory kept for reuse."""
    with _lock:
        _free.clear()


def _borrow(length: int) -> NDArray[np.uint8]:
    if length >= LEAST:
        length = -(-length // LEAST) * LEAST
        with _lock:
            fitting = [index for index, room in enumerate(_free) if length <= room.nbytes <= 2 * length]
            if fitting:
                return _free.pop(min(fitting, key=lambda index: _free[index].nbytes))
    return np.empty(length, np.uint8)


def _give_back(room: NDArray[np.uint8]) -> None:
    with _lock:
        _free.append(room)
        while kept_bytes() > KEPT:
            _free.pop(0)
