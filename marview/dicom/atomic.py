"""Atomic writing of files and folders: written beside the target, flushed to disk, then renamed."""

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from marview.dicom.foreign import refuse_foreign, refuse_other_kind
from marview.errors import BadInput, UsageError
from marview.originals import is_own_file, note_own_file, refuse_original
from marview.processes import is_alive, started
from marview.small_text import read_json

PART = ".part-"
_OWNER = ".owner"
_PART_FILE = re.compile(rf"{re.escape(PART)}([0-9a-f]{{12}})-(\d+)-(\d*)-[0-9a-f]+")
_LONGEST_SUFFIX = 16
_LONGEST_NAME = 240
"""Largest length of a file name in bytes: file systems allow 255, and part files have a prefix."""
_LEAST_BYTES = 1 << 16
"""Smallest disk space in bytes of a file with its folder."""
_NAMELESS_SECONDS = 60
_FOREIGN_SECONDS = 86_400


class CannotWrite(BadInput):
    """A file or folder cannot be written.

    Attributes:
        what: the message without advice, for callers that add their own.
        why: error of the operating system.
    """

    def __init__(self, what: str, why: OSError | None = None, advice: str = "") -> None:
        super().__init__(f"{what} {advice}".rstrip())
        self.what = what
        self.why = why


@contextmanager
def whole_folder(target: Path, *, bytes_needed: int = 0) -> Iterator[Path]:
    """Yield a temporary folder that becomes `target` when the block succeeds and is removed when it fails.

    Meanwhile, other exports to the same target are refused. Leftovers of killed processes are removed.

    Args:
        target: folder that does not exist or is empty.
        bytes_needed: required disk space in bytes, checked first.

    Raises:
        UsageError: the target is not empty, or lies among slices.
        CannotWrite: the disk is full or read-only, or another process is writing there.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 - resolve() would follow a link that is to be replaced
    _refuse_harm(target)
    with _sentences(target):
        refuse_occupied(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
        _refuse_small(target, target.parent, bytes_needed)
    part = target.parent / _part_name(target.name)
    with _sentences(target):
        _claim(part, target)
    try:
        yield part
        with _sentences(target):
            (part / _OWNER).unlink()
            _flush_folder(part)
            if target.is_dir():
                target.rmdir()
            part.rename(target)
            _flush_folder(target.parent)
    except OSError as why:
        shutil.rmtree(part, ignore_errors=True)
        raise _sentence(target, why) from None
    except CannotWrite as refusal:  # names a file inside that the user did not choose
        shutil.rmtree(part, ignore_errors=True)
        raise (refusal if refusal.why is None else _sentence(target, refusal.why)) from None
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def check_place(target: Path, *, bytes_needed: int = 0) -> None:
    """Check ahead of the work whether `whole_folder` will be able to write a folder.

    Raises:
        UsageError: the target is not empty, or lies among slices.
        CannotWrite: writing is not allowed there, there is not enough disk space, or another process is writing there.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100
    _refuse_harm(target)
    with _sentences(target):
        refuse_occupied(target)
        part = target.parent / _part_name(target.name)
        if part.is_dir() and not _is_stale(part):
            raise _taken(part, target)
        _refuse_small(target, _writable_parent(target), bytes_needed)


def check_file(target: Path) -> None:
    """Check ahead of the work whether `whole_file` will be able to write a file.

    Raises:
        UsageError: the target is a file that was read or that marview did not write, or lies among slices.
        CannotWrite: writing is not allowed there, the disk is full, or the target is a folder.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100
    _refuse_harm(target)
    with _sentences(target):
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        _refuse_small(target, _writable_parent(target), _LEAST_BYTES)


def _writable_parent(target: Path) -> Path:
    """Return the nearest existing folder above the target, after a check that it is writable."""
    there = next(folder for folder in target.parents if folder.exists())
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{there} is a file")
    with tempfile.TemporaryDirectory(prefix=PART, dir=there):
        return there


@contextmanager
def claimed(target: Path) -> Iterator[None]:
    """Reserve a file or folder against other processes during the work for it.

    If two processes worked for minutes on one target, the result of the first would be lost. Use this around the work;
    `whole_file` writes the file itself. Claims of killed processes are removed.

    Raises:
        UsageError: the target is a file that was read or that marview did not write, or lies among slices.
        CannotWrite: another process works on the target, or writing is not allowed there.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100
    _refuse_harm(target)
    new = [folder for folder in target.parents if not folder.exists()]
    part = target.parent / _part_name(target.name)
    try:
        with _sentences(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            sweep(target.parent)
            _claim(part, target)
        try:
            yield
        finally:
            shutil.rmtree(part, ignore_errors=True)
    finally:
        for folder in new:  # remove folders left empty by failed work
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Yield a temporary file that replaces `target` when the block succeeds and is removed when it fails.

    Raises:
        UsageError: the target is a file that was read or that marview did not write, or lies among slices.
        CannotWrite: the disk is full or read-only, or the target is a folder.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100
    _refuse_harm(target)
    part = target.parent / _part_file_name(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        sweep(target.parent)
        yield part
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        refuse_other_kind(part, target)
        part.replace(target)
        note_own_file(target)
        _flush_folder(target.parent)
    except OSError as why:
        _remove(part)
        raise _sentence(target, why) from None
    except BaseException:
        _remove(part)
        raise


def _refuse_harm(target: Path) -> None:
    """Refuse a target that would overwrite data of another origin, or mix with them."""
    refuse_original(target)
    if not is_own_file(target) and not any(name.startswith(PART) for name in target.parts):
        refuse_foreign(target)


def _remove(part: Path) -> None:
    """Remove a part file, ignoring errors, so that the first error stays visible."""
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)


def write_flushed(path: Path, data: bytes) -> None:
    """Write a new file and flush it to disk."""
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sweep(folder: Path) -> None:
    """Remove part files and part folders of killed processes from a folder."""
    for part in folder.glob(f"{PART}*"):
        if part.is_symlink():
            continue
        if part.is_dir() and _is_stale(part):
            shutil.rmtree(part, ignore_errors=True)
        elif part.is_file() and _is_stale_file(part):
            part.unlink(missing_ok=True)


def _part_name(name: str) -> str:
    """Return the name of the part folder of a target, short enough for every file system."""
    encoded = os.fsencode(name)
    return f"{PART}{name}" if len(encoded) < _LONGEST_NAME else f"{PART}{hashlib.sha256(encoded).hexdigest()}"


def _part_file_name(target: Path) -> str:
    """Return the name of the part file, with its process and the target's suffix, which some libraries check."""
    suffixes = "".join(target.suffixes[-2:])
    kept = suffixes if len(suffixes) <= _LONGEST_SUFFIX else ""
    process = os.getpid()
    return f"{PART}{_machine()}-{process}-{started(process)}-{uuid.uuid4().hex[:12]}{kept}"


@cache
def _machine() -> str:
    """Return an identifier of the process number space: a machine since its start, or a container on it."""
    about = [socket.gethostname()]
    for place in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        with contextlib.suppress(OSError):
            about.append(Path(place).readlink().name if "/ns/" in place else Path(place).read_text(encoding="ascii"))
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:12]


def _claim(part: Path, target: Path) -> None:
    """Make the part folder of a target; it appears with its owner's name in it, or not at all."""
    owner = {
        "process": os.getpid(),
        "started": started(os.getpid()),
        "machine": socket.gethostname(),
        "space": _machine(),
    }
    made = part.with_name(f"{PART}{uuid.uuid4().hex}")
    made.mkdir()
    try:
        (made / _OWNER).write_text(json.dumps(owner), encoding="utf-8")
        made.rename(part)
    except OSError as why:
        shutil.rmtree(made, ignore_errors=True)
        if part.is_dir() and why.errno in {errno.EEXIST, errno.ENOTEMPTY, errno.EACCES}:  # the last one on Windows
            raise _taken(part, target) from None
        raise


def _read_owner(part: Path) -> dict[str, object]:
    try:
        owner = read_json(part / _OWNER)
    except (OSError, ValueError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _taken(part: Path, target: Path) -> CannotWrite:
    owner = _read_owner(part)
    name = f"another process ({owner.get('process', '?')} on {owner.get('machine', 'this machine')})"
    return CannotWrite(f"{target} is being written by {name}. Wait for it or choose another.")


def _is_stale(part: Path) -> bool:
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
    """Return whether a process runs and started at that time."""
    return is_alive(process) and since == started(process)


def refuse_occupied(target: Path) -> None:
    """Refuse a target that is neither new nor an empty folder.

    Raises:
        UsageError: the target is a file, or a folder that holds something.
    """
    if target.is_dir():
        if any(target.iterdir()):
            raise UsageError(f"{target} is not empty and is not overwritten. Choose a new folder.")
    elif target.exists() or target.is_symlink():
        raise UsageError(f"{target} is a file. Choose a new folder.")


def _refuse_small(target: Path, there: Path, bytes_needed: int) -> None:
    free = shutil.disk_usage(there).free
    if bytes_needed > free:
        raise CannotWrite(
            f"{target} needs {-(-bytes_needed >> 20)} MB and the disk has {free >> 20} MB left. Nothing was written."
        )


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _sentences(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as why:
        raise _sentence(target, why) from None


def _sentence(target: Path, why: OSError) -> CannotWrite:
    reasons = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "your disk quota is used up",
        errno.EROFS: "the disk is read-only",
        errno.EACCES: "you may not write there",
        errno.EPERM: "you may not write there",
    }
    said = why.strerror or "unknown error"  # may name a path, whose capitals count
    reason = reasons.get(why.errno or 0, said[:1].lower() + said[1:])
    advice = "Nothing was left behind; choose another place."
    return CannotWrite(f"{target} cannot be written: {reason}.", why, advice)
