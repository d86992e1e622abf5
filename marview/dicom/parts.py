"""Part files and part folders: temporary output, named after its process and removed when the process ends."""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import socket
import time
import uuid
from functools import cache
from pathlib import Path

from marview.dicom.cannot_write import CannotWrite
from marview.processes import is_alive, started
from marview.small_text import read_json

PART = ".part-"
"""Prefix of the name of a part file or part folder."""

OWNER = ".owner"
"""Name of the file in a part folder that names its process."""

_PART_FILE = re.compile(rf"{re.escape(PART)}([0-9a-f]{{12}})-(\d+)-(\d*)-[0-9a-f]+")
_LONGEST_SUFFIX = 16
_LONGEST_NAME = 240
"""Largest length of a file name in bytes: file systems allow 255, and part files have a prefix."""
_NAMELESS_SECONDS = 60
_FOREIGN_SECONDS = 86_400


def sweep(folder: Path) -> None:
    """Remove the part files and part folders of killed processes from a folder."""
    for part in folder.glob(f"{PART}*"):
        if part.is_symlink():
            continue
        if part.is_dir() and is_stale(part):
            shutil.rmtree(part, ignore_errors=True)
        elif part.is_file() and _is_stale_file(part):
            part.unlink(missing_ok=True)


def part_name(name: str) -> str:
    """Return the name of a target's part folder, short enough for every file system."""
    encoded = os.fsencode(name)
    return f"{PART}{name}" if len(encoded) < _LONGEST_NAME else f"{PART}{hashlib.sha256(encoded).hexdigest()}"


def part_file_name(target: Path) -> str:
    """Return a name for a part file: it contains the process id and keeps the suffix, which libraries need."""
    suffixes = "".join(target.suffixes[-2:])
    kept = suffixes if len(suffixes) <= _LONGEST_SUFFIX else ""
    process = os.getpid()
    return f"{PART}{_machine()}-{process}-{started(process)}-{uuid.uuid4().hex[:12]}{kept}"


@cache
def _machine() -> str:
    """Return an identifier of the system that assigns process ids: a machine since its start, or a container on it."""
    about = [socket.gethostname()]
    for place in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        with contextlib.suppress(OSError):
            about.append(Path(place).readlink().name if "/ns/" in place else Path(place).read_text(encoding="ascii"))
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:12]


def claim(part: Path, target: Path) -> None:
    """Create a target's part folder with the file that identifies its owner process."""
    owner = {
        "process": os.getpid(),
        "started": started(os.getpid()),
        "machine": socket.gethostname(),
        "space": _machine(),
    }
    made = part.with_name(f"{PART}{uuid.uuid4().hex}")
    made.mkdir()
    try:
        (made / OWNER).write_text(json.dumps(owner), encoding="utf-8")
        made.rename(part)
    except OSError as why:
        shutil.rmtree(made, ignore_errors=True)
        if part.is_dir() and why.errno in {errno.EEXIST, errno.ENOTEMPTY, errno.EACCES}:  # EACCES on Windows
            raise taken(part, target) from None
        raise


def _read_owner(part: Path) -> dict[str, object]:
    try:
        owner = read_json(part / OWNER)
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def taken(part: Path, target: Path) -> CannotWrite:
    """Return the error message for a target that another process is writing."""
    owner = _read_owner(part)
    name = f"another process ({owner.get('process', '?')} on {owner.get('machine', 'this machine')})"
    return CannotWrite(f"{target} is being written by {name}. Wait until it has finished, or choose another location.")


def is_stale(part: Path) -> bool:
    """Return whether the owner of a part folder has ended.

    Folders from other machines count as stale only after a day.
    """
    owner = _read_owner(part)
    try:
        age = time.time() - part.stat().st_mtime
    except OSError:
        return False
    if not owner:
        return age > _NAMELESS_SECONDS
    if owner.get("space") != _machine() or os.name != "posix":
        return age > _FOREIGN_SECONDS
    process = owner.get("process")
    return not isinstance(process, int) or not _lives(process, str(owner.get("started", "")))


def _is_stale_file(part: Path) -> bool:
    """Return whether the process of a part file has ended; part files of other machines are kept for a day."""
    named = _PART_FILE.match(part.name)
    if named is not None and named[1] == _machine() and os.name == "posix":
        return not _lives(int(named[2]), named[3])
    try:
        return time.time() - part.stat().st_mtime > _FOREIGN_SECONDS
    except OSError:
        return False


def _lives(process: int, since: str) -> bool:
    """Return whether a process still runs and is the one that started at the given time."""
    return is_alive(process) and since == started(process)
