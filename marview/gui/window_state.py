"""Save and restore the window's size, panel widths and layout between sessions."""

import contextlib

from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QMainWindow, QSplitter

from marview.session.display import Layout
from marview.session.session import Session

WANTED = (1600, 1000)
NARROW_PX = 1400
FRAME = (16, 48)
"""Upper bound of the size of a window's frame and title bar in pixels."""


def fit_screen(window: QMainWindow) -> None:
    """Set the size of a new window, limited to the size of the screen."""
    room = window.screen().availableGeometry()
    window.resize(min(WANTED[0], room.width() - FRAME[0]), min(WANTED[1], room.height() - FRAME[1]))


def collapse_if_narrow(window: QMainWindow, panels: QSplitter) -> None:
    """Collapse the series list in a narrow window to leave room for the images; F7 or the splitter reopens it."""
    if window.width() < NARROW_PX:
        panels.setSizes([0, *panels.sizes()[1:]])


def restore(window: QMainWindow, panels: QSplitter, session: Session) -> None:
    """Restore the position, panels and layout of a window; ignore a corrupted saved state."""
    stored = session.settings.window
    is_first = not window.restoreGeometry(_bytes(stored.get("geometry", "")))
    if is_first:
        fit_screen(window)
    if not panels.restoreState(_bytes(stored.get("panels", ""))):
        collapse_if_narrow(window, panels)
    with contextlib.suppress(ValueError):
        session.view.update(layout=Layout(stored.get("layout", Layout.READ)))


def remember(window: QMainWindow, panels: QSplitter, session: Session) -> None:
    """Store the window's position, panels and layout in the session's settings."""
    session.settings.window = {
        "geometry": _text(window.saveGeometry()),
        "panels": _text(panels.saveState()),
        "layout": session.view.display.layout.value,
    }


def _bytes(text: str) -> QByteArray:
    return QByteArray.fromBase64(QByteArray(text.encode("ascii", "replace")))


def _text(state: QByteArray) -> str:
    return bytes(state.toBase64().data()).decode("ascii")
