"""Share arrays between processes without copying them."""

import contextlib
import mmap
import os
import sys
import tempfile
import uuid
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from marview.errors import MarviewError
from marview.mar.scratch import roomiest, scratch


class NoRoom(MarviewError):  # noqa: N818
    """Error for an array that fits neither in memory nor on disk."""

    exit_code = 3


class SharedArray:
    """Array in a memory-mapped file, which is in memory (/dev/shm) if there is room.

    The process that creates the array owns it. The file is removed when `close` is called, the object is
    deleted or the process ends; after a crash, the next marview process removes it. Views of the array stay
    valid in every process as long as they are referenced.

    Examples:
        >>> with SharedArray.create((2, 3), "int16") as shared:
        ...     shared.array[:] = 7
        ...     int(SharedArray.open(shared.description).array.sum())
        42
    """

    def __init__(self, path: Path, array: NDArray[Any], mapped: mmap.mmap, *, is_owner: bool) -> None:
        self._path = path
        self._mapped: mmap.mmap | None = mapped
        self._array: NDArray[Any] | None = array
        self._owned = weakref.finalize(self, _remove, path) if is_owner else None
        self._description = {"path": str(path), "shape": list(array.shape), "dtype": array.dtype.str}

    @classmethod
    def create(cls, shape: tuple[int, ...], dtype: DTypeLike, *, reserved: slice | None = None) -> "SharedArray":
        """Create an array of zeros and reserve its memory.

        Args:
            shape: shape of the array.
            dtype: dtype of its values.
            reserved: range along the first axis; None for the whole array. Memory for this range is reserved
                immediately, which takes time; do not write to the rest of the array.

        Raises:
            NoRoom: there is no room for the array.
        """
        kind = np.dtype(dtype)
        size = max(1, int(np.prod(shape, dtype=np.int64)) * kind.itemsize)
        places = dict.fromkeys((roomiest(size), Path(tempfile.gettempdir())))
        for place in places:
            with contextlib.suppress(OSError):
                path = scratch(place) / uuid.uuid4().hex
                part = _bytes_of(reserved, shape, size)
                return cls(path, *_map(path, shape, kind, size=size, part=part, is_writable=True), is_owner=True)
        raise NoRoom(_no_room(size, " or ".join(map(str, places))))

    @classmethod
    def copy_of(cls, values: NDArray[Any]) -> "SharedArray":
        """Create a shared array, and copy the values of another array to it.

        Raises:
            NoRoom: there is no room for the array.
        """
        shared = cls.create(values.shape, values.dtype)
        shared.array[...] = values
        return shared

    @classmethod
    def open(cls, description: Mapping[str, Any], *, is_writable: bool = False) -> "SharedArray":
        """Open an array of another process from its description; read-only by default.

        Raises:
            MarviewError: the array no longer exists.
        """
        path, shape, kind = Path(description["path"]), tuple(description["shape"]), np.dtype(description["dtype"])
        try:
            return cls(path, *_map(path, shape, kind, size=None, is_writable=is_writable), is_owner=False)
        except (OSError, ValueError, TypeError) as error:
            raise MarviewError(
                f"The shared array {path.name} no longer exists, because the process that owned it closed it or ended."
            ) from error

    @property
    def array(self) -> NDArray[Any]:
        """The values of the array."""
        if self._array is None:
            raise ValueError("this shared array is closed")
        return self._array

    @property
    def name(self) -> str:
        """File name of the array, unique on this computer."""
        return self._path.name

    @property
    def description(self) -> dict[str, Any]:
        """Path, shape and dtype as JSON-compatible values; another process needs them to open the array."""
        return dict(self._description)

    def reserve(self) -> None:
        """Reserve all memory of the array, if `create` reserved only a part.

        Raises:
            NoRoom: there is no room for the array.
        """
        size = max(1, self.array.nbytes)
        try:
            file = os.open(self._path, os.O_RDWR | getattr(os, "O_BINARY", 0))
            try:
                _reserve(file, size, 0, size)
            finally:
                os.close(file)
        except OSError as error:
            raise NoRoom(_no_room(size, str(self._path.parent.parent))) from error

    def forget(self, index: int) -> None:
        """Release the memory of one item along the first axis in all processes; its values may be lost.

        Memory is released only on Linux; other systems keep it until `close`.
        """
        mapped = self._mapped
        if sys.platform != "linux" or mapped is None or self._array is None:
            return
        start, stop = _bytes_of(slice(index, index + 1), self._array.shape, self._array.nbytes)
        start, stop = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, stop // mmap.PAGESIZE * mmap.PAGESIZE
        if stop > start:
            with contextlib.suppress(OSError):  # the file system does not support sparse files
                mapped.madvise(mmap.MADV_REMOVE, start, stop - start)

    def close(self) -> None:
        """Close the array; the owner also removes the file."""
        self._array = self._mapped = None
        if self._owned is not None:
            self._owned()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _no_room(size: int, places: str) -> str:
    needed_mb = max(1, -(-size // 1_000_000))
    return f"There is no space for an array of {needed_mb} MB in {places}. Free memory or disk space and try again."


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _map(
    path: Path,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    *,
    size: int | None,
    part: tuple[int, int] = (0, 0),
    is_writable: bool,
) -> tuple[NDArray[Any], mmap.mmap]:
    """Map a file to memory; if a size is given, first create the file and reserve part of its bytes."""
    flags = os.O_RDWR if is_writable else os.O_RDONLY
    if size is not None:
        flags |= os.O_CREAT | os.O_EXCL
    file = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600)
    try:
        if size is not None:
            _reserve(file, size, *part)
        access = mmap.ACCESS_WRITE if is_writable else mmap.ACCESS_READ
        mapped = mmap.mmap(file, 0, access=access)
    except OSError:
        if size is not None:
            path.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(mapped, dtype=dtype, count=count).reshape(shape), mapped


def _bytes_of(part: slice | None, shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """Return the range of bytes of a part along the first axis."""
    if part is None or not shape or not shape[0]:
        return 0, size
    start, stop, _ = part.indices(shape[0])
    return size * start // shape[0], size * stop // shape[0]


def _reserve(file: int, size: int, start: int, stop: int) -> None:
    """Reserve the space now, so that a full disk gives an error here and not a bus error later."""
    os.truncate(file, size)
    if hasattr(os, "posix_fallocate") and stop > start:
        os.posix_fallocate(file, start, stop - start)
