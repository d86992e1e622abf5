"""The size of the window, the widths of its panels and its layout, from one day to the next."""

import contextlib

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QMainWindow, QSplitter

from marview.session.display import Layout
from marview.session.session import Session

WANTED = (1600, 1000)
NARROW_PX = 1400
FRAME = (16, 48)
"""What the frame and title of a window add, at most."""


def fit_screen(window: QMainWindow) -> None:
    """Give a new window its size: what marview wants, or what the screen has."""
    room = window.screen().availableGeometry()
    window.resize(min(WANTED[0], room.width() - FRAME[0]), min(WANTED[1], room.height() - FRAME[1]))


def restore(window: QMainWindow, panels: QSplitter, session: Session) -> None:
    """Give a window the place, panels and layout it had last; a damaged record changes nothing."""
    stored = session.settings.window
    is_first = not window.restoreGeometry(_bytes(stored.get("geometry", "")))
    if is_first:
        fit_screen(window)
    if not panels.restoreState(_bytes(stored.get("panels", ""))) and window.width() < NARROW_PX:
        panels.setSizes([0, *panels.sizes()[1:]])  # the series list opens with F7, or by its edge
    with contextlib.suppress(ValueError):
        session.view.update(layout=Layout(stored.get("layout", Layout.READ)))


def remember(window: QMainWindow, panels: QSplitter, session: Session) -> None:
    """Note place, panels and layout; the session writes them with its settings."""
    session.settings.window = {
        "geometry": _text(window.saveGeometry()),
        "panels": _text(panels.saveState()),
        "layout": session.view.display.layout.value,
    }


def _bytes(text: str) -> QByteArray:
    return QByteArray.fromBase64(QByteArray(text.encode("ascii", "replace")))


def _text(state: QByteArray) -> str:
    return bytes(state.toBase64().data()).decode("ascii")
