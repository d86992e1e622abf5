"""Every regular file under a path, without ever blocking: folders and links followed once, zips looked into."""

import os
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from marview.dicom.source import Source, open_regular
from marview.errors import BadInput

MOST_FILES = 200_000
LARGEST_ARCHIVE_BYTES = 16 << 30
LARGEST_RATIO = 200
"""A zip that unpacks to more than this many times its size is a bomb, not a study."""


def walk(path: Path, skipped: Counter[str]) -> Iterator[Source]:
    """Every regular file under `path` (a folder, a zip or one file), in a fixed order.

    FIFOs, sockets, devices, dangling links and folders met twice are counted in `skipped`.

    Raises:
        BadInput: `path` is not there, is not readable, or is a zip that cannot be trusted.
    """
    try:
        status = path.stat()
    except OSError as why:
        reason = why.strerror.lower() if why.strerror else "it cannot be reached"
        raise BadInput(f"{path} cannot be opened: {reason}.") from None
    if stat.S_ISDIR(status.st_mode):
        yield from _folder(path, skipped)
    elif not stat.S_ISREG(status.st_mode):
        raise BadInput(f"{path} is neither a file nor a folder. Open the folder that holds the study.")
    elif is_zip(path):
        yield from _archive(path, skipped)
    else:
        yield Source(path, status.st_size)


def is_zip(path: Path) -> bool:
    """Whether a regular file begins like a zip."""
    try:
        with open_regular(path) as stream:
            return stream.read(4) in {b"PK\x03\x04", b"PK\x05\x06"}
    except OSError as why:
        raise BadInput(f"{path} cannot be read: {(why.strerror or 'no reason given').lower()}.") from None


def _folder(top: Path, skipped: Counter[str]) -> Iterator[Source]:
    waiting, seen, number = [top], set[tuple[int, int]](), 0
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            skipped["unreadable folders"] += 1
            continue
        deeper = []
        for entry in entries:
            try:
                status = entry.stat()
            except OSError:
                skipped["dangling links"] += 1
                continue
            if stat.S_ISDIR(status.st_mode):
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    deeper.append(Path(entry.path))
            elif stat.S_ISREG(status.st_mode):
                number += 1
                if number > MOST_FILES:
                    raise BadInput(f"{top} holds more than {MOST_FILES} files. Open the folder of one study.")
                yield Source(Path(entry.path), status.st_size)
            else:
                skipped["not regular files"] += 1
        waiting.extend(reversed(deeper))


def _archive(path: Path, skipped: Counter[str]) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, OSError):
        raise BadInput(f"{path} is a damaged zip. Unpack it by other means and open the folder.") from None
    unpacked = sum(member.file_size for member in members)
    if len(members) > MOST_FILES or unpacked > min(LARGEST_ARCHIVE_BYTES, LARGEST_RATIO * path.stat().st_size):
        raise BadInput(f"{path} would unpack to {len(members)} files of {unpacked >> 20} MB and is not opened.")
    for member in sorted(members, key=lambda member: member.filename):
        if member.is_dir():
            continue
        if member.flag_bits & 1:
            skipped["encrypted"] += 1
        else:
            yield Source(path, member.file_size, member.filename)
