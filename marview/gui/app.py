"""Start the window, or draw it into a picture."""

import logging
import sys
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QApplication

from marview.gui.bridge import Bridge
from marview.gui.icons import application_icon
from marview.gui.main_window import MainWindow
from marview.gui.style import dress
from marview.session.session import Session
from marview.session.settings import Settings

SIZE = (1600, 1000)


def application() -> QApplication:
    """The dressed application, made when first asked for."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    made = QApplication(sys.argv[:1])
    QCoreApplication.setApplicationName("marview")
    made.setApplicationDisplayName("marview")
    made.setWindowIcon(application_icon())
    pg.setConfigOptions(imageAxisOrder="row-major", useOpenGL=False, antialias=False)
    dress(made)
    return made


def make_window(settings: Settings | None = None) -> MainWindow:
    """A window on a new session."""
    bridge = Bridge()
    session = Session(bridge.post, Settings.load() if settings is None else settings)
    window = MainWindow(session)
    bridge.setParent(window)
    return window


def run(paths: list[str]) -> int:
    """Open the window, with the studies at `paths`, and return the exit code when it closes."""
    logging.basicConfig(level=logging.WARNING, format="marview: %(message)s")
    qt = application()
    window = make_window()
    window.resize(*SIZE)
    window.show()
    for path in paths:
        window.session.open(Path(path))
    return int(qt.exec())
