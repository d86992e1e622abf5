"""The log file: details of failures, without patient data."""

import contextlib
import logging
import os
import re
import sys
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Any

import platformdirs

from marview.paths import make_private

_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?=:|$)")
_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def log_path() -> Path:
    """Return the path of the log file."""
    return Path(platformdirs.user_log_dir("marview", appauthor=False)) / "marview.log"


def log_to_file() -> None:
    """Log to the file instead of the terminal; if the file cannot be written, disable logging."""
    handler: logging.Handler = logging.NullHandler()
    with contextlib.suppress(OSError):
        make_private(log_path().parent)
        handler = _Private(log_path(), maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True)
    handler.setFormatter(Discreet("%(asctime)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def log_to_terminal() -> None:
    """Also log messages of level INFO and above to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Discreet("%(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    logging.getLogger("marview").setLevel(logging.INFO)


class _Private(RotatingFileHandler):
    """A log file that only its owner can read, without errors if it cannot be written."""

    def _open(self) -> Any:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with contextlib.suppress(OSError):  # an earlier version may have made it readable for all users
            Path(self.baseFilename).chmod(0o600)
        return os.fdopen(descriptor, self.mode, encoding=self.encoding)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Drop the record silently, for example on a full disk."""


def without_words(trace: str) -> str:
    r"""Remove the exception messages from the traceback of another process.

    >>> print(without_words('  File "a.py", line 1, in run\n    open(path)\nOSError: no such file: /ct/Doe^Jane'))
      File "a.py", line 1, in run
        open(path)
    OSError
    """
    kept = []
    for line in trace.splitlines():
        if line.startswith((" ", "Traceback ", "During handling", "The above exception")) or not line:
            kept.append(line)
        elif (named := _EXCEPTION.match(line)) is not None:
            kept.append(named[0])
    return "\n".join(kept)


class Discreet(logging.Formatter):
    """Log formatter that includes the location and type of an exception but not its message.

    The message may contain a patient's name or the name of a patient's file.
    """

    def formatException(self, ei: _Raised) -> str:  # noqa: N802 - logging's own name
        """Return the stack frames and types of an exception and its causes."""
        raised, told = ei[1], []
        while raised is not None:
            told.append(f"{''.join(traceback.format_tb(raised.__traceback__))}{type(raised).__name__}")
            raised = raised.__cause__ or (None if raised.__suppress_context__ else raised.__context__)
        return "\n\nDuring handling of this exception, another one was raised:\n\n".join(reversed(told))
