"""Read small text files (settings, manifests, records) that may be damaged or too large."""

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

LARGEST_BYTES = 16 << 20


def read_text(path: Path, largest_bytes: int = LARGEST_BYTES) -> str:
    """Read a small UTF-8 text file; refuse a pipe instead of waiting for it.

    Raises:
        OSError: the file cannot be read or is not a regular file.
        ValueError: the file is not UTF-8 (UnicodeDecodeError), or is larger than allowed.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is not a regular file")
        data = stream.read(largest_bytes + 1)
    if len(data) > largest_bytes:
        raise ValueError(f"it is larger than {largest_bytes >> 20} MB")
    return data.decode("utf-8-sig")  # editors on Windows add a byte order mark


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        OSError: as for `read_text`.
        ValueError: as for `read_text`, or the text is not JSON or is nested too deeply.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        OSError: as for `read_text`.
        ValueError: as for `read_text`, or the text is not TOML, is nested too deeply or contains a number
            with too many digits.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
