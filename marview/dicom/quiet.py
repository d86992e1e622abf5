"""Keep what libraries warn and log of a file, which quotes values of the patient, out of logs and screens."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = tuple(logging.getLogger(name) for name in ("pydicom", "nibabel.global", "highdicom"))


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
