"""Store corrections in memory up to a limit, and further corrections in temporary files."""

import contextlib
import logging
import mmap
import tempfile
import uuid
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput
from marview.mar.scratch import scratch
from marview.text import tr

MOST_BYTES = 32_000_000
"""Memory limit for the corrections of all results in bytes, 30 slices of 512 x 512; further slices go to disk.

The system caches recently written files in free memory, so reading them is just as fast, and it empties the cache if
the volume needs the memory.
"""

_log = logging.getLogger(__name__)

Plane = NDArray[np.float32]


class KeptPlane:
    """Immutable plane, stored in memory or in a file until the last reference to the plane is deleted."""

    def __init__(self, held: Plane | Path, shape: tuple[int, ...]) -> None:
        self._held, self._shape = held, shape

    @property
    def nbytes(self) -> int:
        """Return the memory used in bytes; 0 if the plane is on disk."""
        return 0 if isinstance(self._held, Path) else self._held.nbytes

    def read(self) -> Plane:
        """Return the values as a read-only array.

        Raises:
            BadInput: the file no longer exists.
        """
        if not isinstance(self._held, Path):
            return self._held
        try:
            # `np.load` takes ten times as long, which is noticeable when a section crosses every slice.
            with self._held.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return np.frombuffer(mapped, np.float32).reshape(self._shape)
        except (OSError, ValueError) as error:
            raise BadInput(
                tr(
                    "A slice of the result cannot be read: {} was removed from the temporary folder. Run the method "
                    "again."
                ).format(self._held.name)
            ) from error


class PlaneStore:
    """Store for copies of planes.

    Args:
        most_bytes: memory limit in bytes; planes beyond it are written to the folder of temporary files.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._in_memory: weakref.WeakSet[KeptPlane] = weakref.WeakSet()

    def keep(self, plane: Plane) -> KeptPlane:
        """Store a copy of a plane, float32 HU `[y, x]`.

        If the disk is full, the copy stays in memory despite the limit.

        Raises:
            MemoryError, OSError: there is no space in memory or on disk.
        """
        if sum(each.nbytes for each in self._in_memory) + plane.nbytes > self._most_bytes:
            try:
                return _on_disk(plane)
            except OSError as error:
                _log.warning("a correction stays in memory: it cannot be written to disk (%s)", type(error).__name__)
        try:
            copy = plane.astype(np.float32)
        except MemoryError:
            return _on_disk(plane)
        copy.setflags(write=False)
        kept = KeptPlane(copy, copy.shape)
        self._in_memory.add(kept)
        return kept


def _on_disk(plane: Plane) -> KeptPlane:
    path = scratch(Path(tempfile.gettempdir())) / f"{uuid.uuid4().hex}.plane"
    try:
        path.write_bytes(np.ascontiguousarray(plane, np.float32).data)
    except OSError:
        _remove(path)
        raise
    kept = KeptPlane(path, plane.shape)
    weakref.finalize(kept, _remove, path).atexit = False
    return kept


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
