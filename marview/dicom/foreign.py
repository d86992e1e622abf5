"""Protect files that marview did not write, and folders that contain the slices of a series.

Output neither replaces foreign files nor is written among slices. To recognise its own files, marview
writes its name into every image, movie and document whose format has a field for the software.
"""

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from marview.dicom.elements import TooDeep, find
from marview.dicom.encode import MAKER
from marview.dicom.header import BIG_ENDIAN, HEAD_BYTES, looks_like_dicom, opening
from marview.errors import UsageError

_END_BYTES = 1 << 16
_PEEKED = 200
"""Number of files that are examined in a folder; two slices of a series are enough to recognise it."""
_DATABASE = ".sqlite"
"""Part of the names of database files, which are not opened: closing one would end this process's locks on it, and
another process could then remove the write-ahead log of an open job table.
"""

_MODALITY, _MAKER, _SERIES = 0x00080060, 0x00080070, 0x0020000E
_NO_SLICES = {"SEG", "SR", "PR", "KO", "DOC", "RTSTRUCT", "RTPLAN", "REG"}

_MARKED = {
    b"NRRD": "NRRD",
    b"\x89PNG": "PNG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"GIF8": "GIF",
    b"%PDF": "PDF",
    b"PK": "zip or npz",
}
"""First bytes of formats that carry marview's name as text."""

_NIFTI = {(348, "<"): (70, 148), (348, ">"): (70, 148), (540, "<"): (12, 240), (540, ">"): (12, 240)}
"""Positions of the data type and the description by header size and byte order."""

_UINT8 = 2
_UNREADABLE, _SPECIAL, _OTHER = "no permission to read it", "a special file", "unknown format"


def refuse_foreign(target: Path) -> None:
    """Refuse to replace a file that marview did not write, or to write a file among the slices of a series.

    Raises:
        UsageError: the target would replace a file that marview did not write, or be written among the
            slices of a series.
    """
    target = Path(os.path.realpath(target))
    try:
        is_file = not stat.S_ISDIR(target.stat().st_mode)
    except (OSError, ValueError):  # it does not exist, or its name is impossible
        is_file = False
    if is_file:
        kind, is_own = _judged(target)
        if not is_own:
            raise UsageError(
                f"{target} contains data that marview did not write ({kind}), and marview never overwrites such "
                "files. Choose another name."
            )
        return
    there = next((folder for folder in target.parents if folder.is_dir()), target.parent)  # new folders go there
    if _holds_slices(there):
        raise UsageError(
            f"{there} contains the slices of a series, and marview writes no other files there. Choose another folder."
        )


def refuse_other_kind(part: Path, target: Path) -> None:
    """Refuse to replace a file with a different type of file, such as a mask with measurements.

    Raises:
        UsageError: the existing file and the new file are of different types.
    """
    if not target.is_file() or not target.stat().st_size:
        return
    new, old = _judged(part)[0], _judged(target)[0]
    if new != old:
        raise UsageError(
            f"{target} contains other data ({old}, not {new}), and marview does not replace it. Choose another name."
        )


def _judged(path: Path) -> tuple[str, bool]:
    """Determine the kind of a file from its first bytes, and whether output of the same kind may replace it."""
    try:
        with closing(_open(path)) as stream:
            head = stream.read(HEAD_BYTES)
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - _END_BYTES))
            ends = head + stream.read()
    except PermissionError:
        return _UNREADABLE, False
    except OSError:
        return _SPECIAL, False
    if (nifti := _nifti(head)) is not None:
        return nifti
    format_ = next((name for magic, name in _MARKED.items() if head.startswith(magic)), "")
    if format_ or head[4:8] == b"ftyp":
        return format_ or "MP4", any(MAKER.encode(coding) in ends for coding in ("ascii", "utf-16-be"))
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG", False
    if looks_like_dicom(head):
        modality, maker, _ = _elements(head)
        return f"DICOM {modality}".strip(), maker == MAKER and modality in {"SEG", "SR"}
    return (_table(head) if path.suffix.lower() == ".csv" else _OTHER), True


def _open(path: Path) -> BinaryIO:
    """Open a regular file without blocking and without recording that it was read."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    return os.fdopen(descriptor, "rb")


def _nifti(head: bytes) -> tuple[str, bool] | None:
    """Return kind and origin of a NIfTI file; None for other formats."""
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
        except zlib.error:
            return "damaged gzip", False
    for (size, order), (at, description) in _NIFTI.items():
        if len(head) >= size and struct.unpack_from(f"{order}i", head)[0] == size:
            kind = "NIfTI mask" if struct.unpack_from(f"{order}h", head, at)[0] == _UINT8 else "NIfTI volume"
            return kind, head[description : description + 80].startswith(MAKER.encode())
    return None


def _table(head: bytes) -> str:
    """Name a table after its first column, to distinguish tables with different contents."""
    first = head.decode("utf-8-sig", "replace").partition("\n")[0]
    for separator in ",;\t":
        first = first.partition(separator)[0]
    column = first.strip(' "') or "nothing"
    return f"table of {column}"


def _holds_slices(folder: Path) -> bool:
    """Return whether a folder contains two or more images of one DICOM series."""
    seen = set()
    for modality, _, series in _images(folder):
        if modality not in _NO_SLICES:
            if series in seen:
                return True
            seen.add(series)
    return False


def _images(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield modality, maker and series UID of the DICOM files among the first files of a folder."""
    with suppress(OSError), os.scandir(folder) as entries:
        files = (entry for entry in entries if _DATABASE not in entry.name and entry.is_file())
        for entry in islice(files, _PEEKED):
            with suppress(OSError), closing(_open(Path(entry.path))) as stream:
                head = stream.read(256)
                if looks_like_dicom(head):
                    yield _elements(head + stream.read(HEAD_BYTES))


def _elements(head: bytes) -> tuple[str, str, str]:
    """Return modality, maker and series UID from the first bytes of a DICOM file; empty if they are unreadable."""
    with suppress(TooDeep, struct.error):
        syntax, begin, _ = opening(head)
        is_explicit = head[begin + 4 : begin + 6].isalpha()
        found = find(
            head,
            begin,
            {_MODALITY, _MAKER, _SERIES},
            is_explicit=is_explicit,
            is_little_endian=syntax != BIG_ENDIAN,
        ).values
        texts = [found.get(tag, b"").decode("latin-1").strip(" \0") for tag in (_MODALITY, _MAKER, _SERIES)]
        return texts[0], texts[1], texts[2]
    return "", "", ""
