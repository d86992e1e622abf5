"""Redirect standard error output of compiled code from the terminal to the log."""

import atexit
import contextlib
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_MOST_CHARACTERS = 600
_log = logging.getLogger(__name__)
_lock = threading.RLock()
_aside: list[IO[bytes]] = []
"""The file that receives the output, once it exists."""


class Heard:
    """Standard error output of a `with` block.

    Attributes:
        text: the output; complete once the block has ended.
    """

    text = ""


@contextmanager
def heard_on_stderr() -> Iterator[Heard]:
    """Redirect the standard error file descriptor to the log and to `Heard` during a block.

    The whole process shares standard error, so only one block runs at a time.
    """
    heard = Heard()
    with _lock:
        kept = _turn_aside()
        try:
            yield heard
        finally:
            if kept >= 0:
                os.dup2(kept, 2)
                os.close(kept)
                heard.text = _taken()
    if heard.text:
        _log.warning("a decoder said: %s", heard.text)


def _turn_aside() -> int:
    """Redirect standard error to the file; return the saved descriptor, or -1 if redirection is impossible."""
    with contextlib.suppress(OSError):  # standard error may be closed, or a temporary file impossible
        if not _aside:
            _aside.append(tempfile.TemporaryFile())  # noqa: SIM115 - reused by later blocks
            atexit.register(_aside[0].close)
        kept = os.dup(2)
        try:
            os.dup2(_aside[0].fileno(), 2)
        except OSError:
            os.close(kept)
            raise
        return kept
    return -1


def _taken() -> str:
    aside = _aside[0]
    aside.seek(0)
    text = aside.read().decode("utf-8", "replace")[:_MOST_CHARACTERS].strip()
    aside.seek(0)
    aside.truncate()
    return text
