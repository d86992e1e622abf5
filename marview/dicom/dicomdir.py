"""Find the files that a DICOMDIR lists, on disk or inside a zip."""

import stat
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath

from pydicom import dcmread

from marview.dicom.elements import find
from marview.dicom.header import opening
from marview.dicom.quiet import note_caught
from marview.dicom.source import Source, open_zip
from marview.dicom.walk import ABSENT, NO_FILE, OUTSIDE, UNNAMED
from marview.errors import BadInput

_RECORDS, _UNDEFINED_LENGTH, _END_OF_RECORDS = b"\x04\x00\x20\x12SQ\0\0", b"\xff" * 4, b"\xfe\xff\xdd\xe0"


def listed(directory: Path, skipped: Counter[str]) -> Iterator[Source]:
    """Yield the existing files that a DICOMDIR lists, excluding files outside its folder.

    Listed files that are not yielded are counted in `skipped`, by reason.

    Raises:
        BadInput: the DICOMDIR cannot be read.
    """
    medium = directory.parent.resolve()
    for parts in _file_ids(Source(directory, directory.stat().st_size), skipped):
        try:
            path = _on_medium(medium, parts).resolve()
            status = path.stat()
        except (OSError, ValueError, RuntimeError):
            skipped[ABSENT] += 1
            continue
        if not path.is_relative_to(medium):
            skipped[OUTSIDE] += 1
        elif not stat.S_ISREG(status.st_mode):
            skipped[NO_FILE] += 1
        else:
            yield Source(path, status.st_size)


def count_absent(directory: Source, skipped: Counter[str]) -> None:
    """Count in `skipped` the files that a DICOMDIR lists but that are missing from its folder or zip.

    Raises:
        BadInput: the DICOMDIR cannot be read.
    """
    absent: Counter[str] = Counter()
    if directory.member:
        top = PurePosixPath(directory.member).parent
        names = {_plain_path(PurePosixPath(name)) for name in open_zip(directory.path).namelist()}
        names |= {(*parents, Path(name).stem) for *parents, name in names}
        absent[ABSENT] = sum(_plain_path(top.joinpath(*parts)) not in names for parts in _file_ids(directory, absent))
    else:
        for _ in listed(directory.path, absent):
            pass
    if absent[ABSENT]:
        skipped[ABSENT] += absent[ABSENT]


def _file_ids(directory: Source, skipped: Counter[str]) -> list[list[str]]:
    """Return the path of each file that a DICOMDIR lists, split into parts; count image records without a path."""
    try:
        data = directory.all()
        records = dcmread(BytesIO(data), specific_tags=["DirectoryRecordSequence"]).DirectoryRecordSequence
        file_ids = [(record.get("ReferencedFileID"), record.get("DirectoryRecordType")) for record in records]
        if _is_cut(data):
            raise ValueError("it ends before its last record")
    except BadInput:
        raise
    except Exception as why:  # noqa: BLE001 - pydicom raises many types on a damaged file
        note_caught(why, directory.name)
        raise BadInput(f"{_full_name(directory)} is a damaged DICOMDIR. Open the folder that contains it.") from None
    if not any(file_id or kind == "IMAGE" for file_id, kind in file_ids):
        raise BadInput(f"{_full_name(directory)} lists no files. Open the folder that contains it.")
    unnamed = sum(kind == "IMAGE" for file_id, kind in file_ids if not file_id)
    if unnamed:  # patients, studies and series have no file
        skipped[UNNAMED] += unnamed
    named = [file_id for file_id, _ in file_ids if file_id]
    return [
        [part.strip() for part in ([file_id] if isinstance(file_id, str) else map(str, file_id))] for file_id in named
    ]


def _full_name(directory: Source) -> str:
    return directory.name if directory.member else str(directory.path)


def _plain_path(path: PurePosixPath) -> tuple[str, ...]:
    return tuple(_plain(part) for part in path.parts)


def _is_cut(data: bytes) -> bool:
    """Return whether a DICOMDIR is truncated within its records; pydicom reads such a file without an error."""
    _, begin, _ = opening(data)
    elements = find(data, begin, (), is_explicit=data[begin + 4 : begin + 6].isalpha())
    at = data.find(_RECORDS, begin)
    has_end = at < 0 or data[at + 8 : at + 12] != _UNDEFINED_LENGTH or data.rstrip(b"\0").endswith(_END_OF_RECORDS)
    return elements.end > len(data) or not has_end


def _on_medium(medium: Path, parts: list[str]) -> Path:
    """Return the file that a DICOMDIR refers to, even if copying changed its name.

    Copying from a disc may change the case of a name, append an extension, or keep the ISO 9660 version number (;1).
    """
    path = medium.joinpath(*parts)
    if path.exists() or ".." in parts:
        return path
    path = medium
    for part in parts:
        exact = path / part
        if not exact.exists():
            names = sorted(entry.name for entry in path.iterdir())
            wanted = _plain(part)
            alike = [name for name in names if _plain(name) == wanted]
            alike = alike or [name for name in names if _plain(Path(name).stem) == wanted]
            exact = path / alike[0] if len(alike) == 1 else exact
        path = exact
    return path


def _plain(name: str) -> str:
    return name.partition(";")[0].rstrip(".").casefold()
