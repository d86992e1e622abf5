"""Copy a method to another folder, where only the user can change it."""

import filecmp
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
        if _is_left_out(source.name):
            continue
        if source.is_dir():
            copy_method(source, target / source.name)
        else:
            _copy_file(source, target / source.name)


def is_copy(folder: Path, copy: Path) -> bool:
    """Return whether a folder contains exactly the files that `copy_method` would copy there, with the same content."""
    files = _files(folder)
    return files == _files(copy) and all(filecmp.cmp(folder / name, copy / name, shallow=False) for name in files)


def _files(folder: Path) -> set[Path]:
    """Return the relative paths of the files of a method, without caches and hidden files."""
    files = (path for path in folder.rglob("*") if not path.is_dir())
    return {name for path in files if not any(map(_is_left_out, (name := path.relative_to(folder)).parts))}


def _is_left_out(name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in _LEFT_OUT)


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
