"""Where the corrections of results are kept: in memory up to a limit, then in files that are open only to be read."""

import contextlib
import logging
import tempfile
import uuid
import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marview.errors import BadInput
from marview.mar.scratch import scratch

MOST_BYTES = 2_000_000_000
"""Memory for the corrections of all results. Further ones are kept on disk."""

_log = logging.getLogger(__name__)

Plane = NDArray[np.float32]


class KeptPlane:
    """A plane that stays as it is; its memory or its file goes when nobody refers to it any more."""

    def __init__(self, held: Plane | Path) -> None:
        self._held = held

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in memory; 0 where it lies on disk."""
        return 0 if isinstance(self._held, Path) else self._held.nbytes

    def read(self) -> Plane:
        """The values, read-only.

        Raises:
            BadInput: its file is gone.
        """
        if not isinstance(self._held, Path):
            return self._held
        try:
            return np.asarray(np.load(self._held, mmap_mode="r", allow_pickle=False), np.float32)
        except (OSError, ValueError, EOFError) as error:
            raise BadInput(
                f"A slice of the result cannot be read again: {self._held.name} is gone from the folder of temporary "
                "files. Run the method again."
            ) from error


class PlaneStore:
    """Keeps copies of planes.

    Args:
        most_bytes: memory for them; planes beyond it are written to the folder of temporary files.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._in_memory: weakref.WeakSet[KeptPlane] = weakref.WeakSet()

    def keep(self, plane: Plane) -> KeptPlane:
        """Keep a copy of a plane, float32 HU `[y, x]`; in memory after all where the disk is full.

        Raises:
            MemoryError, OSError: there is room neither in memory nor on disk.
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
        kept = KeptPlane(copy)
        self._in_memory.add(kept)
        return kept


def _on_disk(plane: Plane) -> KeptPlane:
    path = scratch(Path(tempfile.gettempdir())) / f"{uuid.uuid4().hex}.npy"
    try:
        np.save(path, plane)
    except OSError:
        _remove(path)
        raise
    kept = KeptPlane(path)
    weakref.finalize(kept, _remove, path).atexit = False
    return kept


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
