"""Copy a method to another folder, where only the user can change it."""

import fnmatch
import os
import shutil
import stat
from pathlib import Path

from marview.errors import BadInput

_LEFT_OUT = ("__pycache__", ".*")


def copy_method(folder: Path, target: Path) -> None:
    """Copy the files of a method except caches and hidden files.

    Only the user may change the copies, because marview refuses a method that other users may change. Executable files
    stay executable.

    Args:
        folder: folder of the method.
        target: folder of the copy, created if necessary.

    Raises:
        BadInput: a file cannot be read or is not a regular file.
        OSError: the copy cannot be written.
    """
    try:
        sources = sorted(folder.iterdir())
    except OSError as why:
        raise _unreadable(folder, why) from None
    target.mkdir(exist_ok=True)
    target.chmod(_own(target.stat().st_mode))
    for source in sources:
        if any(fnmatch.fnmatch(source.name, pattern) for pattern in _LEFT_OUT):
            continue
        if source.is_dir():
            copy_method(source, target / source.name)
        else:
            _copy_file(source, target / source.name)


def _copy_file(source: Path, target: Path) -> None:
    try:
        mode = source.stat().st_mode
        if not stat.S_ISREG(mode):
            raise OSError(0, "it is not a regular file")
        os.close(os.open(source, os.O_RDONLY))
    except OSError as why:
        raise _unreadable(source, why) from None
    shutil.copyfile(source, target)
    target.chmod(_own(target.stat().st_mode) | (mode & stat.S_IXUSR))


def _own(mode: int) -> int:
    """Return permissions without write permission for other users."""
    return stat.S_IMODE(mode) & ~(stat.S_IWGRP | stat.S_IWOTH) | stat.S_IRUSR | stat.S_IWUSR


def _unreadable(path: Path, why: OSError) -> BadInput:
    reason = (why.strerror or "no reason given").lower()
    return BadInput(
        f"{path} cannot be read ({reason}), so the method was not copied. Make this path readable, or remove it."
    )
