"""Folders for what lives no longer than this process; those of processes that crashed are swept."""

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

_PREFIX = "marview-scratch-"
_LOCK = "lock"
_YOUNG_S = 60.0
_MEMORY = Path("/dev/shm")  # noqa: S108 - the scratch folders below it are private


@cache
def scratch(root: Path) -> Path:
    """This process's own folder below `root`, readable by its user alone; gone when the process ends.

    A process that is killed leaves its folders behind, in memory and on disk; the next one that asks for a folder
    removes them. A folder is in use while somebody holds the lock file in it, which the system lets go of with the
    process.

    Raises:
        OSError: nothing can be written there.
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
    """Have torch keep its compiler's files in a folder that goes with this process, unless told where to.

    Optimizers load the compiler, which makes its folder even though marview compiles nothing.
    """
    with contextlib.suppress(OSError):
        environment.setdefault("TORCHINDUCTOR_CACHE_DIR", str(scratch(Path(tempfile.gettempdir())) / "torch"))


def sweep(root: Path) -> None:
    """Remove the folders below `root` that no process holds any more."""
    for folder in root.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if _is_stale(folder):
                shutil.rmtree(folder, ignore_errors=True)


def roomiest(size: int) -> Path:
    """Where `size` bytes go: memory itself (/dev/shm) where there is room, else the folder for temporary files."""
    with contextlib.suppress(OSError):
        if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 1.1 * size:
            return _MEMORY
    return Path(tempfile.gettempdir())


def _is_stale(folder: Path) -> bool:
    if not (folder / _LOCK).exists():  # being made just now, or its maker was killed in that moment
        return _is_maker_gone(folder.name) or time.time() - folder.stat().st_mtime >= _YOUNG_S
    with (folder / _LOCK).open("r+") as lock:
        return try_lock(lock)


def _is_maker_gone(name: str) -> bool:
    """Whether the process that a folder is named after lives no more; False where the system does not say."""
    process = name.removeprefix(_PREFIX).partition("-")[0]
    if os.name != "posix" or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False


def try_lock(file: IO[str]) -> bool:
    """Take the lock until the file is closed; False where another process holds it."""
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
