"""Store autosaves in the user's data folder, with limits on their number, size and age.

Each series and each result has a separate file.
"""

import contextlib
import hashlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_data_path

from marview.dicom.atomic import whole_file
from marview.dicom.parts import PART
from marview.mar.scratch import try_lock
from marview.paths import make_private
from marview.volume.box import Box
from marview.volume.patch import MaskPatch

MOST_FILES = 8
MOST_BYTES = 64 * 2**20
OLDEST_S = 30 * 86_400

MOST_RESULT_BYTES = 2_000_000_000
"""Size limit of all autosaved results in bytes; the oldest ones are removed first."""

_SUFFIX, _LOCK, _RESULT = ".mask", ".lock", ".result"
_log = logging.getLogger(__name__)


def autosave_folder() -> Path:
    """Return the folder in which the user's autosaves are stored."""
    return user_data_path("marview", appauthor=False) / "autosave"


@dataclass(frozen=True)
class Work:
    """State of the user's work on a series, except the mask.

    Attributes:
        path: path that the user opened.
        key: key of the series.
        shape: shape of the grid, (z, y, x).
        affine: affine matrix of the grid, row by row.
        origin: description of how the mask was created.
        slice_index: index of the slice in view.
        method: identifier of the chosen method.
        parameters: parameters that differ from the defaults.
        measures: measurements as records of `marview.session.measure_record`.
        time: time of the autosave, ISO 8601.
    """

    path: str
    key: str
    shape: tuple[int, int, int]
    affine: tuple[float, ...]
    origin: str
    slice_index: int = 0
    method: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    measures: Sequence[Mapping[str, Any]] = ()
    time: str = ""


@dataclass(frozen=True, eq=False)
class Saved:
    """An autosave left by a process that ended unexpectedly.

    Attributes:
        metal: packed metal mask; None if it was not saved.
        results: result files, oldest first.
    """

    id: str
    work: Work
    metal: MaskPatch | None = field(repr=False)
    results: tuple[Path, ...] = ()

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Return the mask, bool `[z, y, x]`; all False if none was saved."""
        mask = np.zeros(self.work.shape, bool)
        if self.metal is not None:
            self.metal.apply(mask)
        return mask


class AutosaveStore:
    """Store that writes this process's autosaves and finds autosaves left by processes that were killed.

    Each autosave has a lock file, which its process keeps locked. The operating system releases the lock
    when the process ends, even after a crash. File names are random, and only the user can read the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own: dict[str, str] = {}
        self._locks: dict[str, IO[str]] = {}
        self._mutex = threading.RLock()

    def write(self, work: Work, metal: MaskPatch | None) -> None:
        """Update the autosave of a series; an incomplete file never replaces an existing autosave.

        Raises:
            CannotWrite: the disk is full or read-only.
            OSError: the folder cannot be created.
        """
        packed = b"" if metal is None else metal.packed
        if len(packed) > MOST_BYTES:
            _log.warning("a mask of %d bytes is too large for an autosave", len(packed))
            return
        record = {
            "work": asdict(work),
            "box": None if metal is None else [[part.start, part.stop] for part in metal.box],
            "sha256": hashlib.sha256(packed).hexdigest(),
        }
        with self._mutex:
            make_private(self._folder)
            id_ = self._own.setdefault(work.key, uuid.uuid4().hex)
            self._lock(id_)
            with whole_file(self._folder / f"{id_}{_SUFFIX}") as part:
                part.touch(mode=0o600)
                part.write_bytes(json.dumps(record).encode() + b"\n" + packed)

    def write_result(self, key: str, name: str, write: Callable[[Path], None]) -> None:
        """Write a result to the autosave of a series, if there is one; `name` identifies the result.

        Raises:
            CannotWrite: the disk is full or read-only.
        """
        with self._mutex:
            id_ = self._own.get(key)
        if id_ is None:
            return
        with whole_file(self._folder / f"{id_}.{name}{_RESULT}") as part:
            part.touch(mode=0o600)
            write(part)
        self._bound_results()

    def discard_result(self, key: str, name: str) -> None:
        """Remove a result from the autosave of a series."""
        with self._mutex:
            id_ = self._own.get(key)
            if id_ is not None:
                (self._folder / f"{id_}.{name}{_RESULT}").unlink(missing_ok=True)

    def _results_of(self, id_: str) -> tuple[Path, ...]:
        return tuple(sorted(self._folder.glob(f"{id_}.*{_RESULT}"), key=_changed))

    def _bound_results(self) -> None:
        total = 0
        for path in sorted(self._folder.glob(f"*{_RESULT}"), key=_changed, reverse=True):
            total += path.stat().st_size
            if total > MOST_RESULT_BYTES:
                _log.warning("an autosaved result was removed to make room for later ones")
                path.unlink(missing_ok=True)

    def found(self) -> list[Saved]:
        """Return the autosaves of killed processes, latest first, and lock them.

        The locks prevent other windows from offering the same autosaves. Damaged or old autosaves, and autosaves
        beyond the limits, are removed.
        """
        with self._mutex:
            kept: list[Saved] = []
            total = 0
            for path in sorted(self._folder.glob(f"*{_SUFFIX}"), key=_changed, reverse=True):
                if path.name.startswith(PART) or path.stem in self._own.values() or not self._lock(path.stem):
                    continue
                saved = _read(path, self._results_of(path.stem))
                total += path.stat().st_size
                is_old = time.time() - _changed(path) > OLDEST_S
                if saved is None or is_old or len(kept) >= MOST_FILES or total > MOST_BYTES:
                    self.discard(path.stem)
                else:
                    kept.append(saved)
            for path in self._folder.glob(f"*{_LOCK}"):
                if path.stem not in self._locks and self._lock(path.stem):
                    self.discard(path.stem)  # the process was killed before it saved anything
            return kept

    def adopt(self, saved: Saved) -> None:
        """Take over a restored autosave as an autosave of this process."""
        with self._mutex:
            if self._own.get(saved.work.key) != saved.id:
                self.discard_work(saved.work.key)
                self._own[saved.work.key] = saved.id

    def discard_work(self, key: str) -> None:
        """Remove this process's autosave of a series, if there is one."""
        with self._mutex:
            id_ = self._own.pop(key, None)
            if id_ is not None:
                self.discard(id_)

    def discard(self, id_: str) -> None:
        """Remove an autosave."""
        with self._mutex:
            lock = self._locks.pop(id_, None)
            with contextlib.suppress(OSError):
                (self._folder / f"{id_}{_SUFFIX}").unlink(missing_ok=True)
                for path in self._results_of(id_):
                    path.unlink(missing_ok=True)
            if lock is not None:
                lock.close()
            with contextlib.suppress(OSError):
                (self._folder / f"{id_}{_LOCK}").unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the autosaves of this process, and unlock the autosaves that `found` returned."""
        with self._mutex:
            for key in list(self._own):
                self.discard_work(key)
            for id_, lock in self._locks.items():
                lock.close()
                with contextlib.suppress(OSError):
                    (self._folder / f"{id_}{_LOCK}").unlink(missing_ok=True)
            self._locks.clear()

    def _lock(self, id_: str) -> bool:
        if id_ in self._locks:
            return True
        held = (self._folder / f"{id_}{_LOCK}").open("w")
        if try_lock(held):
            self._locks[id_] = held
            return True
        held.close()
        return False


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _read(path: Path, results: tuple[Path, ...]) -> Saved | None:
    """Read an autosave; return None if the file is damaged, empty or of another version."""
    try:
        head, _, packed = path.read_bytes().partition(b"\n")
        record = json.loads(head)
        work = Work(**{**record["work"], "shape": tuple(record["work"]["shape"])})
        if hashlib.sha256(packed).hexdigest() != record["sha256"]:
            raise ValueError("the mask is damaged")
        if record["box"] is None:
            is_empty = not work.measures and not results
            return None if is_empty else Saved(path.stem, work, None, results)
        z, y, x = (slice(int(start), int(stop)) for start, stop in record["box"])
        box: Box = (z, y, x)
        if any(part.start < 0 or part.stop > size for part, size in zip(box, work.shape, strict=True)):
            raise ValueError("the mask is larger than its series")
        return Saved(path.stem, work, MaskPatch(box, packed), results)
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as why:
        _log.warning("an autosave cannot be read (%s)", type(why).__name__)
        return None
