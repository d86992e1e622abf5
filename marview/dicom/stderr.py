"""Hear what compiled code prints to standard error, and keep it out of the person's terminal: it goes to the log."""

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
"""The file that takes what is printed, once there is one."""


class Heard:
    """What was printed within a block.

    Attributes:
        text: complete once the block has ended.
    """

    text = ""


@contextmanager
def heard_on_stderr() -> Iterator[Heard]:
    """Until the block ends, what is written to the file descriptor of standard error goes to the log and to `Heard`.

    Standard error belongs to the whole process, so one block runs at a time: what it hears is its own.
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
    """Turn standard error to the file; gives the descriptor to turn it back with, -1 where it cannot be turned."""
    with contextlib.suppress(OSError):  # there may be no standard error, or no place for a file
        if not _aside:
            _aside.append(tempfile.TemporaryFile())  # noqa: SIM115 - kept for the next time
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
