"""Check whether other users could change a method's code, which runs with the current user's permissions."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path


def opened_to_others(folder: Path) -> Path | None:
    """Return a path through which another user could change a method; None if there is none, or on Windows.

    The files and folders of the method must belong to the user or the system. Neither other users nor a
    group with other members may have write access to them or to a folder that contains them. The sticky bit
    makes a folder such as /tmp safe, but not if the method lies directly in it. Broken links are ignored,
    because no code can run from them.

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
    """Yield a folder, everything below it and their status; follow links, but visit each folder only once."""
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
    """Return whether another user may write to a file or folder with this status."""
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _is_private(status.st_gid)


def _is_private(group: int) -> bool:
    """Return whether only the user and root belong to a group, as with the private groups of many Linux systems."""
    if sys.platform == "win32":
        return True
    import grp
    import pwd

    mine = {"root"}
    try:
        mine.add(pwd.getpwuid(os.getuid()).pw_name)
    except KeyError:  # the user has no name, as in some containers
        return group == os.getgid()
    try:
        known = grp.getgrgid(group)
    except KeyError:  # the group has no entry that lists members
        members = []
    else:
        members = known.gr_mem
        if known.gr_name in mine and not members:
            return True
    owners = [user.pw_name for user in pwd.getpwall() if user.pw_gid == group]
    return mine.issuperset([*members, *owners])
