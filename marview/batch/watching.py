"""Find folders that have been unchanged long enough for their studies to be considered complete."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from marview.errors import BadInput

_Look = tuple[int, int, int]


@dataclass
class Inbox:
    """A folder in which studies arrive, each as a subfolder or a file.

    Attributes:
        folder: watched folder.
        quiet_s: time without changes, in seconds, after which an arrival counts as complete.
        clock: function that returns monotonic time in seconds.
    """

    folder: Path
    quiet_s: float
    clock: Callable[[], float] = time.monotonic
    _seen: dict[Path, tuple[_Look, float]] = field(default_factory=dict, repr=False)
    _taken: dict[Path, _Look] = field(default_factory=dict, repr=False)

    def arrived(self) -> list[Path]:
        """Return the arrivals that have become complete since the last call, sorted by name.

        If an arrival changes after it has been returned, it is returned again once it has stopped
        changing.

        Raises:
            BadInput: the folder cannot be listed.
        """
        try:
            children = sorted(self.folder.iterdir())
        except OSError as why:
            reason = (why.strerror or "unknown reason").lower()
            raise BadInput(
                f"{self.folder} cannot be watched: {reason}. Choose an existing folder that you can read."
            ) from None
        now, quiet = self.clock(), []
        for known in (self._seen, self._taken):  # a folder that was moved away may arrive again
            for gone in known.keys() - set(children):
                del known[gone]
        for child in children:
            if child.name.startswith("."):
                continue
            look = _look(child)
            before, since = self._seen.get(child, (None, now))
            if look != before:
                self._seen[child] = (look, now)
            elif now - since >= self.quiet_s and self._taken.get(child) != look and look[0]:
                self._taken[child] = look
                quiet.append(child)
        return quiet


def free_bytes(folder: Path) -> int:
    """Return the free space, in bytes, on the disk that contains a folder."""
    return shutil.disk_usage(folder).free


def size_of(path: Path) -> int:
    """Return the size in bytes of a file, or of all files in a folder."""
    return _look(path)[1]


def _look(path: Path) -> _Look:
    """Return the number of files, their size in bytes and their newest change in nanoseconds."""
    files, size, newest = 0, 0, 0
    folders = [os.fspath(path)] if path.is_dir() else []
    entries = [] if folders else [os.fspath(path)]
    while folders:
        try:
            with os.scandir(folders.pop()) as listing:
                for entry in listing:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        entries.append(entry.path)
        except OSError:
            continue
    for name in entries:
        try:
            status = os.stat(name)  # noqa: PTH116 - thousands of files, often
        except OSError:
            continue
        files, size, newest = files + 1, size + status.st_size, max(newest, status.st_mtime_ns)
    return files, size, newest
