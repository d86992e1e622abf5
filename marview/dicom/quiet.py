"""Keep library warnings, which may quote patient data, out of logs and off the screen."""

import errno
import logging
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marview.errors import BadInput

_LOGGERS = tuple(logging.getLogger(name) for name in ("pydicom", "nibabel.global", "highdicom"))


_log = logging.getLogger(__name__)


class OutOfMemory(BadInput):
    """There is not enough memory to read a file."""


def note_caught(why: BaseException, name: str) -> None:
    """Log the type and location of a library's exception, without its text, which may contain a patient name.

    `docs/decisions/042-what-libraries-raise.md` lists the exception types.

    Raises:
        OutOfMemory: there was not enough memory, so the file may be intact.
    """
    last = traceback.extract_tb(why.__traceback__)[-1:]
    where = "".join(f" at {Path(frame.filename).name}:{frame.lineno}" for frame in last)
    _log.warning("a file was refused: %s%s", type(why).__name__, where)
    if isinstance(why, MemoryError) or (isinstance(why, OSError) and why.errno == errno.ENOMEM):
        raise OutOfMemory(
            f"{name} cannot be read: there is not enough memory for its declared size. Close other programs and try "
            "again; if there is enough memory, the file is damaged."
        ) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress warnings and logs of pydicom, nibabel and highdicom; `check` reports the problems that matter."""
    was_disabled = [logger.disabled for logger in _LOGGERS]
    for logger in _LOGGERS:
        logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, was in zip(_LOGGERS, was_disabled, strict=True):
            logger.disabled = was
