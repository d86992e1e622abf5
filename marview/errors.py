"""Errors with messages for users: what happened, to which file, why, and what to do."""

import lzma
import struct
import tokenize
import zipfile
import zlib

DAMAGED_ARRAYS = (
    OSError,
    ValueError,
    TypeError,
    IndexError,
    OverflowError,
    MemoryError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    tokenize.TokenError,
)
"""Exceptions that numpy raises on damaged .npy and .npz files; an entry that does not exist raises KeyError.

Flipped bits can mark an entry as encrypted (`RuntimeError`) or as compressed by an unknown method
(`NotImplementedError`). They can also make a header unreadable (`TokenError`), or declare an array larger than the
memory.
"""


def printable(text: str, *, kept: str = "") -> str:
    r"""Escape the control characters in a text, except those in `kept`.

    This is needed because file names may contain any character.

    >>> printable("scan\x1b[2J.nii")
    'scan\\x1b[2J.nii'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in kept else _escape(one) for one in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


class MarviewError(Exception):
    """An error with a message for the user; `exit_code` is the exit code of the command line."""

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class UsageError(MarviewError):
    """The request is invalid, for example an unknown method or a value out of range."""

    exit_code = 2


class BadInput(MarviewError):  # noqa: N818 - the word that people use
    """A file or series cannot be used."""

    exit_code = 3


class MethodFailed(MarviewError):  # noqa: N818
    """A method failed and produced no result."""

    exit_code = 4


class NoMetal(BadInput):
    """A series contains no metal, so there is nothing to correct."""
