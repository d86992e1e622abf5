"""Fixtures: the real window, offscreen by default, on a session with a fake worker; a leak fails the test."""

import gc
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication

from marview.gui.app import application
from marview.gui.bridge import Bridge
from marview.gui.main_window import MainWindow
from marview.gui.style import sheet_applied_last
from marview.session.session import Session
from marview.session.settings import Settings
from tests.gui.hand import Hand


def _load_fakes():
    if "session_fakes" not in sys.modules:
        path = Path(__file__).parents[1] / "session" / "fakes.py"
        spec = importlib.util.spec_from_file_location("session_fakes", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["session_fakes"] = module
        spec.loader.exec_module(module)
    return sys.modules["session_fakes"]


fakes_module = _load_fakes()


@pytest.fixture(scope="session")
def fakes():
    return fakes_module


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    return application()


@pytest.fixture(scope="session")
def small_series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes_module.write_series(tmp_path_factory.mktemp("series") / "small")


@pytest.fixture(autouse=True)
def no_leaks(qapp: QApplication) -> Iterator[None]:
    """Fails tests whose parentless widgets outlive them."""
    before = {id(widget) for widget in qapp.topLevelWidgets()}
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    gc.freeze()  # later tests need not search what outlives this one
    left = [widget for widget in qapp.topLevelWidgets() if id(widget) not in before]
    assert not left, f"left behind: {left}"


@pytest.fixture
def worker(tmp_path: Path):
    return fakes_module.FakeWorker(tmp_path)


@pytest.fixture
def make_window(qtbot, tmp_path: Path) -> Iterator[Callable[..., MainWindow]]:
    """Makes windows; passes `make_worker` and `listings` to the session."""
    windows: list[MainWindow] = []

    def make(**choices) -> MainWindow:
        QCursor.setPos(0, 0)  # the mouse of the last test would enter and leave panes of this window
        bridge = Bridge()
        with sheet_applied_last():
            window = MainWindow(Session(bridge.post, choices.pop("settings", Settings()), **choices))
        bridge.setParent(window)
        window.resize(1200, 800)
        windows.append(window)
        window.show()
        qtbot.waitExposed(window)
        return window

    yield make
    for window in windows:
        window._may_close = True
        window.close()
        window.deleteLater()
    windows.clear()


@pytest.fixture
def window(make_window, worker, tmp_path: Path) -> MainWindow:
    """A window with nothing open, a fake worker and two fake methods."""
    listings = [fakes_module.listing(tmp_path), fakes_module.listing(tmp_path, "other", "Other method")]
    return make_window(make_worker=lambda: worker, listings=lambda: listings)


@pytest.fixture
def opened(window: MainWindow, qtbot, small_series: Path) -> MainWindow:
    """A window with the small series open, its metal found, and methods known."""
    window.session.open(small_series)
    session = window.session
    qtbot.waitUntil(lambda: session.metal.is_present and bool(session.methods.devices), timeout=20000)
    qtbot.waitUntil(lambda: not session.refusal and session.view.display.active == "original", timeout=5000)
    return window


@pytest.fixture
def reduced(opened: MainWindow, qtbot) -> MainWindow:
    """A window with a result, on a slice with metal."""
    opened.session.view.go_to(3)
    opened.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: not opened.session.runs.is_running, timeout=20000)
    return opened


@pytest.fixture
def hand(opened, qtbot) -> Hand:
    opened.session.view.go_to(3)
    QApplication.processEvents()
    return Hand(opened, qtbot)
