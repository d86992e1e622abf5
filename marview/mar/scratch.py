"""Create temporary folders for this process, and remove those that crashed processes left behind."""

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import MutableMapping
from functools import cache
from pathlib import Path
from typing import IO

from marview.processes import is_alive

_PREFIX = "marview-scratch-"
_LOCK = "lock"
_YOUNG_S = 60.0
_MEMORY = Path("/dev/shm")  # noqa: S108 - the scratch folders below it are private


@cache
def scratch(root: Path) -> Path:
    """Return a temporary folder below `root`, readable only by the user and removed when this process ends.

    A killed process leaves its folders behind, in memory and on disk. The next process that needs a folder removes
    them. A folder is in use while a process holds the lock on a file in it; the system releases the lock when the
    process ends.

    Raises:
        OSError: the folder cannot be written.
    """
    for place in {root, _MEMORY, Path(tempfile.gettempdir())}:
        with contextlib.suppress(OSError):
            sweep(place)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=root))
    held = (folder / _LOCK).open("w")
    try_lock(held)
    atexit.register(_remove, folder, held)
    return folder


def spare_temporary_folder(environment: MutableMapping[str, str]) -> None:
    """Set the cache folder of PyTorch's compiler to a temporary folder of this process, unless the user chose one.

    PyTorch's optimizers import the compiler, which creates its cache folder even if nothing is compiled.
    """
    with contextlib.suppress(OSError):
        environment.setdefault("TORCHINDUCTOR_CACHE_DIR", str(scratch(Path(tempfile.gettempdir())) / "torch"))


def sweep(root: Path) -> None:
    """Remove the folders below `root` that no process uses."""
    for folder in root.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if _is_stale(folder):
                shutil.rmtree(folder, ignore_errors=True)


def roomiest(size: int) -> Path:
    """Return a folder with room for `size` bytes: in memory (/dev/shm) if possible, else the temporary folder."""
    with contextlib.suppress(OSError):
        if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 1.1 * size:
            return _MEMORY
    return Path(tempfile.gettempdir())


def _is_stale(folder: Path) -> bool:
    if not (folder / _LOCK).exists():  # its process has not finished it, or was killed before
        return _is_maker_gone(folder.name) or time.time() - folder.stat().st_mtime >= _YOUNG_S
    with (folder / _LOCK).open("r+") as lock:
        return try_lock(lock)


def _is_maker_gone(name: str) -> bool:
    """Return whether the process named by its id in the folder's name has ended; False if unknown."""
    process = name.removeprefix(_PREFIX).partition("-")[0]
    return process.isdigit() and not is_alive(int(process))


def try_lock(file: IO[str]) -> bool:
    """Lock the file until it is closed; return False if another process holds the lock."""
    if sys.platform == "win32":
        import msvcrt

        with contextlib.suppress(OSError):
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            return True
        return False
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _remove(folder: Path, held: IO[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    held.close()
