"""Open the window, or render it to an image file."""

import gc
import logging
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType

import pyqtgraph as pg
from PIL import Image
from PySide6.QtCore import QCoreApplication, QMessageLogContext, Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QPixmapCache
from PySide6.QtWidgets import QApplication, QWidget

from marview.dicom.atomic import check_file, whole_file
from marview.errors import BadInput
from marview.export import save_picture
from marview.gui.bridge import Bridge
from marview.gui.icons import application_icon
from marview.gui.language import use_language
from marview.gui.main_window import MainWindow
from marview.gui.movie import rgb_of
from marview.gui.reading_window import ReadingWindow
from marview.gui.style import dress, sheet_applied_last
from marview.heap import bound_heap
from marview.reader_study.study import ReaderStudy
from marview.session.autosave_store import autosave_folder
from marview.session.display import Layout
from marview.session.messages import Severity
from marview.session.session import Session
from marview.session.settings import Settings
from marview.session.study_index import index_file
from marview.text import tr

SIZE = (1600, 1000)
_TURN_S = 0.0005
"""Python's thread switch interval in seconds; delays of the default 5 ms add up over the calls of one repaint."""

_NO_SIZE_HINTS = "This plugin does not support propagateSizeHints()"

_CACHE_KB = 2048
"""Size limit of Qt's pixmap cache in kB; by default, thumbnails of past series lists fill up to 10 MB."""


def application(style: str = "dark") -> QApplication:
    """Return the Qt application, created with the given style on first use."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    qInstallMessageHandler(print_message)
    bound_heap()
    sys.setswitchinterval(_TURN_S)
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    made = QApplication(sys.argv[:1])
    QPixmapCache.setCacheLimit(_CACHE_KB)
    QCoreApplication.setApplicationName("marview")
    made.setApplicationDisplayName("marview")
    made.setWindowIcon(application_icon())
    pg.setConfigOptions(imageAxisOrder="row-major", useOpenGL=False, antialias=False)
    dress(made, style)
    return made


def print_message(_kind: QtMsgType, _context: QMessageLogContext, message: str) -> None:
    """Print a Qt message; skip the one that every window triggers if no window manager is running."""
    if message != _NO_SIZE_HINTS and sys.stderr is not None:
        sys.stderr.write(f"{message}\n")


def make_window(settings: Settings, *, keeps: bool = False) -> MainWindow:
    """Create a window with a new session; `keeps` enables autosaves and the study index."""
    bridge = Bridge()
    autosaves, index = (autosave_folder(), index_file()) if keeps else (None, None)
    session = Session(bridge.post, settings, autosaves=autosaves, index=index)
    with sheet_applied_last():
        window = MainWindow(session)
    bridge.setParent(window)
    return window


def run(paths: list[str]) -> int:
    """Open the window with the studies at `paths` and return the exit code when it closes."""
    settings = Settings.load()
    qt = application(settings.style)
    use_language(settings.language)
    window = make_window(settings, keeps=True)
    window.restore()
    sys.excepthook = partial(_say_bug, window)
    show(window)
    if paths:
        window.session.open(*map(Path, paths))
    return int(qt.exec())


def show(window: QWidget) -> None:
    """Show a window, and exclude all existing objects from Python's garbage collection.

    Without this exclusion, each full collection would scan the 140,000 objects of the imported modules
    and block the window for 100 ms.
    """
    window.show()
    gc.freeze()


def read_pairs(study: ReaderStudy, reader: str) -> int:
    """Open the reader study window and return the exit code when it closes."""
    settings = Settings.load()
    qt = application(settings.style)
    use_language(settings.language)
    with sheet_applied_last():
        window = ReadingWindow(study, reader)
    show(window)
    return int(qt.exec())


def _say_bug(window: MainWindow, kind: type[BaseException], bug: BaseException, trace: TracebackType | None) -> None:
    """Log an unexpected error and show a message; the window stays open."""
    logging.getLogger("marview").error("not expected", exc_info=(kind, bug, trace))
    window.session.messages.error(
        tr("Something went wrong inside marview ({}). Your studies stay open; the log contains the details.").format(
            kind.__name__
        )
    )


def render_to_png(path: Path | None, output_png: Path) -> None:
    """Render the window to a PNG image; no display is needed.

    Args:
        path: study to open in the window; None for the start page.
        output_png: output file, NAME.png.

    Raises:
        BadInput: the study cannot be opened, or the image cannot be written.
        UsageError: the image would be written into the folder of the study.
    """
    check_file(output_png)
    qt = application()
    window = make_window(Settings())
    window.resize(*SIZE)
    window.show()
    failures: list[str] = []
    window.session.messages.said.connect(
        lambda message: failures.append(message.sentence) if message.severity is Severity.ERROR else None
    )
    if path is not None:
        window.session.open(path)
        wait_until(lambda: bool(failures) or _is_settled(window))
        session = window.session
        if session.metal.is_present:
            session.view.go_to(int(session.metal.slices[len(session.metal.slices) // 2]))
            session.view.update(layout=Layout.MAR)
            wait_until(lambda: bool(failures or session.sinograms.current or session.sinograms.refusal))
    qt.processEvents()
    picture = window.grab()
    window.close()
    window.deleteLater()
    if failures:
        raise BadInput(failures[0])
    with whole_file(output_png) as part:
        save_picture(Image.fromarray(rgb_of(picture)), part)


def wait_until(is_so: Callable[[], bool], timeout_s: float = 120.0) -> bool:
    """Process window events until `is_so()` is true; return False on timeout."""
    end = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > end:
            return False
        QCoreApplication.processEvents()
        time.sleep(0.005)
    return True


def _is_settled(window: MainWindow) -> bool:
    session = window.session
    is_found = not session.metal.is_busy and not math.isnan(session.metal.found_threshold_hu)
    return session.loaded is not None and (is_found or not session.loaded.report.is_volume or bool(session.metal.notes))
