"""Source of a slice's bytes: a regular file or a zip member; opening it never blocks."""

import gzip
import os
import stat
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO

from marview.dicom.quiet import note_caught
from marview.errors import BadInput
from marview.originals import note_file

LARGEST_FILE_BYTES = 1 << 30
_MOST_READ_TO_THE_END = 1 << 28
"""Largest number of bytes read after the last value to reach the checksum of a stream."""


@dataclass(frozen=True)
class Source:
    """A file on disk, or `member` of the zip at `path`.

    Attributes:
        path: file on disk.
        size: size in bytes of the file, or of the unpacked member.
        member: name of the zip member, with a number if the zip contains the name more than once; empty for
            a plain file.
        entry: index of the member in the zip directory, needed because names may repeat.
    """

    path: Path
    size: int
    member: str = ""
    entry: int = 0

    @property
    def name(self) -> str:
        """Name of the file for use in messages."""
        return f"{self.path.name}/{self.member}" if self.member else self.path.name

    @property
    def folder(self) -> str:
        """Folder of the file, on disk or inside the zip."""
        return f"{self.path}/{Path(self.member).parent}" if self.member else str(self.path.parent)

    def head(self, count: int) -> bytes:
        """Read the first `count` bytes, or fewer if the file is shorter.

        Raises:
            BadInput: the file cannot be read.
        """
        try:
            if self.member:
                archive = open_zip(self.path)
                with archive.open(archive.infolist()[self.entry]) as stream:
                    return stream.read(count)
            with open_regular(self.path) as stream:
                return stream.read(count)
        except Exception as why:  # noqa: BLE001 - damaged archives raise many types
            note_caught(why, self.name)
            raise BadInput(f"{self.name} cannot be read ({_reason(why)}).") from None

    def all(self) -> bytes:
        """Read all bytes.

        Raises:
            BadInput: the file cannot be read, or is larger than a slice can be.
        """
        data = self.head(LARGEST_FILE_BYTES + 1)
        if len(data) > LARGEST_FILE_BYTES:
            raise BadInput(f"{self.name} is larger than {LARGEST_FILE_BYTES >> 30} GiB, so marview does not read it.")
        return data


def open_zip(path: Path) -> zipfile.ZipFile:
    """Return an open zip, cached so that its directory is read only once; callers must not close it.

    Raises:
        Exception: any exception that zipfile raises for a damaged directory.
    """
    status = path.stat()
    return _opened(path, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=2)
def _opened(path: Path, _version: tuple[int, ...]) -> zipfile.ZipFile:
    """Open a zip, cached by path and version of the file; it closes itself when no longer referenced."""
    return zipfile.ZipFile(path)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; a FIFO, socket or device raises OSError instead of blocking."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OSError("not a regular file")
    note_file(path, status)
    return os.fdopen(descriptor, "rb")


def check_to_the_end(stream: BinaryIO | BufferedIOBase) -> int:
    """Read a stream to its end to verify the checksum of compressed data; ignore bytes after this data.

    Returns:
        Number of bytes up to and including the last nonzero byte.

    Raises:
        OSError, EOFError, zlib.error: the stream is damaged or truncated.
    """
    number = total = 0
    try:
        for _ in range(_MOST_READ_TO_THE_END >> 20):
            data = stream.read(1 << 20)
            if not data:
                break
            number = total + len(kept) if (kept := data.rstrip(b"\0")) else number
            total += len(data)
    except gzip.BadGzipFile as why:
        if not str(why).startswith("Not a gzipped file"):
            raise
    return number


def _reason(why: Exception) -> str:
    if isinstance(why, OSError) and why.strerror:
        return why.strerror.lower()
    return "damaged archive" if isinstance(why, zipfile.BadZipFile | zlib.error | EOFError) else "not readable"
