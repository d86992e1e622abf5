"""End painters after use; a painter that stays active blocks its widget, and Qt prints a warning for every frame."""

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtGui import QPaintDevice, QPainter


@contextmanager
def painting(device: QPaintDevice) -> Iterator[QPainter]:
    """Yield a painter on a widget or picture, and end it, even after an error.

    An error keeps the local variables of a `paintEvent` alive in its traceback, and the painter with them.
    """
    painter = QPainter(device)
    try:
        yield painter
    finally:
        painter.end()
