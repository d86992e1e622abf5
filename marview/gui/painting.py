"""End each Qt painter after use, because an active painter blocks its widget and triggers Qt warnings."""

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtGui import QPaintDevice, QPainter


@contextmanager
def painting(device: QPaintDevice) -> Iterator[QPainter]:
    """Yield a painter for a widget or image, and end it even after an error.

    Without this, the traceback of an error would keep the local variables of a `paintEvent` alive,
    including the painter.
    """
    painter = QPainter(device)
    try:
        yield painter
    finally:
        painter.end()
