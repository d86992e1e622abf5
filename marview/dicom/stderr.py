"""Keep what compiled code prints to standard error out of the person's terminal: it goes to the log."""

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


class _Redirection:
    """Standard error is one for all threads: the first to ask turns it aside, the last turns it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._kept = -1
        self._aside: IO[bytes] | None = None

    def begin(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                with contextlib.suppress(OSError):  # there may be no standard error, or no place for a file
                    self._aside = self._aside or tempfile.TemporaryFile()  # noqa: SIM115 - kept for the next time
                    self._kept = os.dup(2)
                    os.dup2(self._aside.fileno(), 2)

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users or self._kept < 0 or self._aside is None:
                return
            os.dup2(self._kept, 2)
            os.close(self._kept)
            self._kept = -1
            said = self._aside.tell() and self._take(self._aside)
        if said:
            _log.warning("a decoder said: %s", said)

    @staticmethod
    def _take(aside: IO[bytes]) -> str:
        aside.seek(0)
        said = aside.read().decode("utf-8", "replace")[:_MOST_CHARACTERS].strip()
        aside.seek(0)
        aside.truncate()
        return said


_redirection = _Redirection()


@contextmanager
def stderr_to_log() -> Iterator[None]:
    """Until the block ends, what is written to the file descriptor of standard error goes to the log."""
    _redirection.begin()
    try:
        yield
    finally:
        _redirection.end()
