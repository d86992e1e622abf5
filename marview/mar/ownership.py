"""Check whether anybody else could change a method, because its code runs with the user's permissions."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path


def opened_to_others(folder: Path) -> Path | None:
    """Return a path by which another user could change a method; None if there is none, and on Windows.

    Files and folders below the method must belong to the user or the system. Neither they nor a folder above them may
    be writable for others, or for a group with other members. A folder above that only lets owners rename their
    files, such as /tmp, is safe. Links to nothing are ignored, because nothing is run from them.

    Raises:
        OSError: a folder cannot be read.
    """
    if sys.platform == "win32":
        return None
    for path, status in _below(folder):
        if _is_writable(status) or status.st_uid not in {0, os.getuid()}:
            return path
    above = dict.fromkeys([*folder.absolute().parents, *folder.resolve().parents])
    for path in above:
        status = path.stat()
        if _is_writable(status) and (path == folder.parent or not status.st_mode & stat.S_ISVTX):
            return path
    return None


def _below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield a folder and all below it with their status; links are followed, each folder is visited once."""
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        try:
            status = path.stat()
        except OSError:
            if path.is_symlink() or not os.path.lexists(path):
                continue
            raise
        yield path, status
        if stat.S_ISDIR(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            waiting.extend(sorted(path.iterdir()))


def _is_writable(status: os.stat_result) -> bool:
    """Return whether another user may write."""
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _is_private(status.st_gid)


def _is_private(group: int) -> bool:
    """Return whether a group has no member but the user and the system, as the private groups of umask 002 have."""
    if sys.platform == "win32":
        return True
    import grp
    import pwd

    mine = {"root"}
    try:
        mine.add(pwd.getpwuid(os.getuid()).pw_name)
    except KeyError:  # a user without a name, as in containers
        return group == os.getgid()
    try:
        known = grp.getgrgid(group)
    except KeyError:  # a group without a name: only users whose primary group it is
        members = []
    else:
        members = known.gr_mem
        if known.gr_name in mine and not members:
            return True
    owners = [user.pw_name for user in pwd.getpwall() if user.pw_gid == group]
    return mine.issuperset([*members, *owners])
