"""The log: details of failures in a file of the user's, for whoever repairs them. Nothing about patients goes in."""

import contextlib
import logging
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

import platformdirs

_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def log_path() -> Path:
    """Where the log is."""
    return Path(platformdirs.user_log_dir("marview", appauthor=False)) / "marview.log"


def log_to_file() -> None:
    """Send what is logged to the file, never to the terminal; nowhere where it cannot be written."""
    handler: logging.Handler = logging.NullHandler()
    with contextlib.suppress(OSError):
        log_path().parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(log_path(), maxBytes=1_000_000, backupCount=2, encoding="utf-8", delay=True)
    handler.setFormatter(Discreet("%(asctime)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


class Discreet(logging.Formatter):
    """Tells where exceptions arose and of which type, not their words, which may quote a patient's name or file."""

    def formatException(self, ei: _Raised) -> str:  # noqa: N802 - logging's own name
        """The frames and the type of an exception, and of those behind it."""
        raised, told = ei[1], []
        while raised is not None:
            told.append(f"{''.join(traceback.format_tb(raised.__traceback__))}{type(raised).__name__}")
            raised = raised.__cause__ or (None if raised.__suppress_context__ else raised.__context__)
        return "\n\nwhile dealing with which:\n\n".join(reversed(told))
