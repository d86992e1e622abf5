"""List the regular files under a path, in folders, links and zips, without blocking."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from marview.dicom.quiet import note_caught
from marview.dicom.source import Source, open_regular, open_zip
from marview.errors import BadInput
from marview.text import count, translatable

ABSENT = "listed in the DICOMDIR but missing"
NO_FILE, UNNAMED = "listed in the DICOMDIR but not a file", "listed in the DICOMDIR without a name"
OUTSIDE, _UNREADABLE = "outside the DICOMDIR's medium", "unreadable folders"
_DANGLING, _ENCRYPTED = "dangling links", "encrypted"
HIDING = (ABSENT, NO_FILE, UNNAMED, OUTSIDE, _UNREADABLE, _DANGLING, _ENCRYPTED)
"""Reasons for skipping a file that may contain a slice."""

ARCHIVE = "archives"
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")
"""First bytes of zip, gzip, 7z, rar, bzip2 and xz."""

_OF_ONE = {
    ABSENT: translatable("{} listed in the DICOMDIR but missing"),
    NO_FILE: translatable("{} listed in the DICOMDIR but not a file"),
    UNNAMED: translatable("{} listed in the DICOMDIR without a name"),
    OUTSIDE: translatable("{} outside the DICOMDIR's medium"),
    _UNREADABLE: translatable("{} unreadable folder"),
    _DANGLING: translatable("{} dangling link"),
    _ENCRYPTED: translatable("{} encrypted"),
    ARCHIVE: "{} archive",
    "not regular files": "{} not a regular file",
}
_OF_MANY = {_UNREADABLE: translatable("{} unreadable folders"), _DANGLING: translatable("{} dangling links")}

MOST_FILES = 200_000
LARGEST_ARCHIVE_BYTES = 16 << 30
LARGEST_RATIO = 200
"""Largest ratio of unpacked to packed size of a zip; beyond it, the zip is a bomb."""


def counted(reason: str, number: int) -> str:
    """Return the number of files skipped for the given reason, as text.

    >>> counted("dangling links", 1), counted("dangling links", 2), counted("not DICOM", 1)
    ('1 dangling link', '2 dangling links', '1 not DICOM')
    """
    words = _OF_ONE.get(reason, f"{{}} {reason}") if number == 1 else _OF_MANY.get(reason, f"{{}} {reason}")
    return words.format(number)


def walk(path: Path, skipped: Counter[str]) -> Iterator[Source]:
    """Yield every regular file under `path` (a folder, a zip or a file), in a fixed order.

    FIFOs, sockets, devices, dangling links and unreadable folders are counted in `skipped`. A folder
    that is found twice is read only once.

    Raises:
        BadInput: `path` does not exist, cannot be read, or is a zip bomb or a damaged zip.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as why:
        raise BadInput(f"{path} cannot be opened: {_reason(why)}.") from None
    if stat.S_ISDIR(status.st_mode):
        yield from _folder(path, skipped)
    elif not stat.S_ISREG(status.st_mode):
        raise BadInput(f"{path} is neither a file nor a folder. Open the folder that contains the study.")
    elif is_zip(path):
        yield from _archive(path, skipped)
    else:
        yield Source(path, status.st_size)


def _reason(why: OSError | ValueError) -> str:
    if isinstance(why, ValueError):  # a null character or half of a surrogate pair
        return "this is not a valid file name"
    return why.strerror.lower() if why.strerror else "it cannot be reached"


def is_zip(path: Path) -> bool:
    """Return whether a regular file starts with a zip signature."""
    try:
        with open_regular(path) as stream:
            return stream.read(4) in {b"PK\x03\x04", b"PK\x05\x06"}
    except OSError as why:
        raise BadInput(f"{path} cannot be read: {(why.strerror or 'no reason given').lower()}.") from None


def is_archive(source: Source) -> bool:
    """Return whether a file in a folder or zip is itself an archive, which marview does not open."""
    return source.head(6).startswith(_ARCHIVES)


def _folder(top: Path, skipped: Counter[str]) -> Iterator[Source]:
    status = top.stat()
    waiting, seen, number = [top], {(status.st_dev, status.st_ino)}, 0
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            skipped[_UNREADABLE] += 1
            continue
        deeper = []
        for entry in entries:
            try:
                status = entry.stat()
            except OSError:
                skipped[_DANGLING] += 1
                continue
            if stat.S_ISDIR(status.st_mode):
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    deeper.append(Path(entry.path))
            elif stat.S_ISREG(status.st_mode):
                number += 1
                if number > MOST_FILES:
                    raise BadInput(f"{top} contains more than {MOST_FILES} files. Open the folder of one study.")
                yield Source(Path(entry.path), status.st_size)
            else:
                skipped["not regular files"] += 1
        waiting.extend(reversed(deeper))


def _archive(path: Path, skipped: Counter[str]) -> Iterator[Source]:
    try:
        members = open_zip(path).infolist()
    except Exception as why:  # noqa: BLE001 - a damaged directory raises many types
        note_caught(why, str(path))
        raise BadInput(f"{path} is a damaged zip. Unpack it by other means and open the folder.") from None
    unpacked = sum(member.file_size for member in members)
    if len(members) > MOST_FILES or unpacked > min(LARGEST_ARCHIVE_BYTES, LARGEST_RATIO * path.stat().st_size):
        content = f"{count(len(members), 'file')} of {unpacked >> 20} MB"
        raise BadInput(
            f"{path} would unpack to {content}, so marview does not open it. If you trust it, unpack it and open its "
            "folder."
        )
    times: Counter[str] = Counter()
    for entry, member in sorted(enumerate(members), key=lambda numbered: numbered[1].filename):
        name = member.filename
        if not name or member.is_dir():
            continue
        times[name] += 1
        if member.flag_bits & 1:
            skipped[_ENCRYPTED] += 1
        else:
            yield Source(path, member.file_size, name if times[name] == 1 else f"{name} ({times[name]})", entry)
