"""Reusable memory, because fresh memory pages take as much time as projecting into them.

A batch of slices needs a few hundred megabytes for a fraction of a second. The system would clear and map each page
anew if the memory were freed every time.
"""

import threading
import weakref
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

KEPT = 320e6
"""Bytes that are kept at most while nobody uses them."""
LEAST = 1 << 20
"""Bytes below which an array comes from the system: its pages are warm anyway. Others fill a multiple of it, so that
arrays of almost the same size share their memory."""
_LINE = 64

_free: list[NDArray[np.uint8]] = []
_lock = threading.RLock()  # an array may die, and be given back, while this thread borrows another


def empty(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised flat array that starts on a cache line; its memory is reused when the array is deleted.

    Nothing may outlive the array: a slice of it does not keep its memory. Vectors that cross a cache line
    would load at half the speed.
    """
    length = size * np.dtype(dtype).itemsize
    room = _borrow(length + _LINE)
    skip = -room.ctypes.data % _LINE
    array = room[skip : skip + length].view(dtype)
    if length >= LEAST:
        weakref.finalize(array, _give_back, room).atexit = False
    return array


def zeros(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return a flat array of zeros that starts on a cache line; otherwise like `empty`."""
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
