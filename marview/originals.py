"""Record the files that this process has read, so that marview never overwrites them or adds files to their folders.

Files and folders are identified by device and inode, so a link, a relative path or different capitalisation makes no
difference.
"""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from marview.errors import UsageError

_Key = tuple[int, int]
_files: dict[_Key, str] = {}
_series_folders: dict[_Key, str] = {}
_own: dict[_Key, int] = {}
"""Modification times of files that this process wrote itself, which may be overwritten."""


def note_file(path: Path, status: os.stat_result | None = None) -> None:
    """Record a file that was read; `status` is the result of `os.stat` for the open file, if available."""
    try:
        status = path.stat() if status is None else status
    except OSError:
        return
    key = status.st_dev, status.st_ino
    if _own.get(key) != status.st_mtime_ns:
        _files[key] = os.path.abspath(path)  # noqa: PTH100 - a link keeps its name


def note_own_file(path: Path) -> None:
    """Record a file that this process wrote, which may be overwritten."""
    with contextlib.suppress(OSError):
        status = path.stat()
        _own[status.st_dev, status.st_ino] = status.st_mtime_ns
        _files.pop((status.st_dev, status.st_ino), None)


def is_own_file(path: Path) -> bool:
    """Return whether this process wrote a file and the file has not changed since then."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return False
    return _own.get((status.st_dev, status.st_ino)) == status.st_mtime_ns


def note_series(files: Iterable[Path]) -> None:
    """Record the folders that contain the slices of a series or, if slices are links, the linked files."""
    folders = {folder for file in files for folder in (file.parent, Path(os.path.realpath(file)).parent)}
    for folder in folders:
        key = _key(folder)
        if key is not None:
            _series_folders[key] = os.path.abspath(folder)  # noqa: PTH100 - a link keeps its name


def refuse_original(target: Path) -> None:
    """Refuse to write to a file that was read, or anywhere inside the folder of a series that was read.

    Raises:
        UsageError: the target would overwrite original files or be inside their folder.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 - a link keeps its name
    if _is_noted(target, _files):
        raise UsageError(f"{target} is a file that was read, and originals are never overwritten. Choose another name.")
    for folder in target.parents:
        if _is_noted(folder, _series_folders):
            raise UsageError(
                f"{target} is inside {folder}, the folder of the source images, and marview writes nothing there. "
                "Choose a location outside this folder."
            )
    resolved = Path(os.path.realpath(target))
    if resolved != target:
        refuse_original(resolved)


def _is_noted(path: Path, noted: dict[_Key, str]) -> bool:
    """Return whether a path leads to a recorded file that is unchanged, because the system reuses inodes."""
    key = _key(path)
    return key is not None and key in noted and _key(Path(noted[key])) == key


def _key(path: Path) -> _Key | None:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
