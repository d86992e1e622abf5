"""Keep what libraries warn and log of a file, which quotes values of the patient, out of logs and screens."""

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


def note_caught(why: BaseException, name: str) -> None:
    """Log the kind of an exception that a library raised on a damaged file, and its line; its text may name a patient.

    `docs/decisions/042-what-libraries-raise.md` lists the kinds.

    Raises:
        BadInput: memory was short, so that nothing is known of the file.
    """
    last = traceback.extract_tb(why.__traceback__)[-1:]
    where = "".join(f" at {Path(frame.filename).name}:{frame.lineno}" for frame in last)
    _log.warning("a file was refused: %s%s", type(why).__name__, where)
    if isinstance(why, MemoryError) or (isinstance(why, OSError) and why.errno == errno.ENOMEM):
        raise BadInput(
            f"{name} cannot be read: there is not enough memory for what it says it holds. Close other programs and "
            "try again; if there is enough memory, the file is damaged."
        ) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what pydicom, nibabel and highdicom warn and log: what matters in a file is judged by `check`."""
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
