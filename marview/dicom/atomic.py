"""Write files and folders atomically: write next to the target, flush to disk, then rename."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marview.dicom.cannot_write import CannotWrite, sentence, sentences
from marview.dicom.foreign import refuse_foreign, refuse_other_kind
from marview.dicom.parts import OWNER, PART, claim, is_stale, part_file_name, part_name, sweep, taken
from marview.errors import UsageError
from marview.originals import is_own_file, note_own_file, refuse_original

_LEAST_BYTES = 1 << 16
"""Free disk space in bytes that the smallest file and its folder need."""


@contextmanager
def whole_folder(target: Path, *, bytes_needed: int = 0) -> Iterator[Path]:
    """Yield a temporary folder that becomes `target` when the block succeeds and is removed when it fails.

    During the block, other exports to the same target are refused. Temporary folders of killed processes
    are removed.

    Args:
        target: folder that does not exist or is empty.
        bytes_needed: required disk space in bytes, checked first.

    Raises:
        UsageError: the target is not empty, or is inside a folder that contains slices.
        CannotWrite: the disk is full or read-only, or another process is writing to the target.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 - resolve() would follow a link that will be replaced
    _refuse_harm(target)
    with sentences(target):
        refuse_occupied(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent)
        _refuse_small(target, target.parent, bytes_needed)
    part = target.parent / part_name(target.name)
    with sentences(target):
        claim(part, target)
    try:
        yield part
        with sentences(target):
            (part / OWNER).unlink()
            _flush_folder(part)
            if target.is_dir():
                target.rmdir()
            part.rename(target)
            _flush_folder(target.parent)
    except OSError as why:
        shutil.rmtree(part, ignore_errors=True)
        raise sentence(target, why) from None
    except CannotWrite as refusal:  # names a file inside that the user did not choose
        shutil.rmtree(part, ignore_errors=True)
        raise (refusal if refusal.why is None else sentence(target, refusal.why)) from None
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def check_place(target: Path, *, bytes_needed: int = 0) -> None:
    """Check in advance whether `whole_folder` can write a folder.

    Raises:
        UsageError: the target is not empty, or is inside a folder that contains slices.
        CannotWrite: the location is not writable, there is not enough disk space, or another process is
            writing to the target.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100
    _refuse_harm(target)
    with sentences(target):
        refuse_occupied(target)
        part = target.parent / part_name(target.name)
        if part.is_dir() and not is_stale(part):
            raise taken(part, target)
        _refuse_small(target, _writable_parent(target), bytes_needed)


def check_file(target: Path) -> None:
    """Check in advance whether `whole_file` can write a file.

    Raises:
        UsageError: the target is an input file or a file that marview did not write, or is inside a
            folder that contains slices.
        CannotWrite: the location is not writable, the disk is full, or the target is a folder.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100
    _refuse_harm(target)
    with sentences(target):
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
    """Reserve a file or folder for this process while its content is being computed.

    Without a reservation, two processes could spend minutes on the same target, and the first result would
    be lost. The content itself is written with `whole_file`. Reservations of killed processes are removed.

    Raises:
        UsageError: the target is an input file or a file that marview did not write, or is inside a
            folder that contains slices.
        CannotWrite: another process is writing the target, or the location is not writable.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100
    _refuse_harm(target)
    new = [folder for folder in target.parents if not folder.exists()]
    part = target.parent / part_name(target.name)
    try:
        with sentences(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            sweep(target.parent)
            claim(part, target)
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
        UsageError: the target is an input file or a file that marview did not write, or is inside a
            folder that contains slices.
        CannotWrite: the disk is full or read-only, or the target is a folder.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100
    _refuse_harm(target)
    part = target.parent / part_file_name(target)
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
        raise sentence(target, why) from None
    except BaseException:
        _remove(part)
        raise


def _refuse_harm(target: Path) -> None:
    """Refuse a target that replaces a file marview did not write, or that is in a folder of slices."""
    refuse_original(target)
    if not is_own_file(target) and not any(name.startswith(PART) for name in target.parts):
        refuse_foreign(target)


def _remove(part: Path) -> None:
    """Remove a part file, and ignore errors so that they do not hide the first error."""
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)


def write_flushed(path: Path, data: bytes) -> None:
    """Write a new file and flush it to disk."""
    with path.open("xb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def refuse_occupied(target: Path) -> None:
    """Refuse a target that is neither new nor an empty folder.

    Raises:
        UsageError: the target is a file, or a folder that is not empty.
    """
    if target.is_dir():
        if any(target.iterdir()):
            raise UsageError(f"{target} is not empty, and marview does not overwrite it. Choose a new folder.")
    elif target.exists() or target.is_symlink():
        raise UsageError(f"{target} is a file. Choose a new folder.")


def _refuse_small(target: Path, there: Path, bytes_needed: int) -> None:
    free = shutil.disk_usage(there).free
    if bytes_needed > free:
        raise CannotWrite(
            f"{target} needs {-(-bytes_needed >> 20)} MB, but the disk has only {free >> 20} MB left. Nothing was "
            "written."
        )


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
