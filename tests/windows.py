"""Drive a real window with real workers like a user, for tests that kill it or run it for hours."""

import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from marview.export import Format
from marview.gui.app import application, make_window, wait_until
from marview.gui.main_window import MainWindow
from marview.session.exports import ExportState
from marview.session.settings import Settings

METHOD = "linear_interpolation"


def opened_window() -> MainWindow:
    """A window with nothing open that reduces with linear interpolation."""
    application()
    window = make_window(Settings())
    window.show()
    _await(lambda: bool(window.session.methods.usable))
    window.session.methods.choose(METHOD)
    return window


def close(window: MainWindow) -> None:
    """Close a window without the question about unsaved work."""
    window._may_close = True
    window.close()
    window.deleteLater()


def open_study(window: MainWindow, study: Path) -> None:
    """Open a study and wait until its metal is found."""
    session = window.session
    opened = [False]

    def note(*_: object) -> None:
        opened[0] = True

    session.library.finished.connect(note)
    session.open(study)
    _await(lambda: opened[0] and session.metal.is_found and session.metal.is_present and not session.refusal)
    session.library.finished.disconnect(note)


def reduce(window: MainWindow) -> None:
    """Press *Reduce artifacts* and wait for the end of the run."""
    session = window.session
    before = session.runs.job
    window.actions_table["reduce"].trigger()
    _await(lambda: session.runs.job not in {None, before} and not session.runs.is_running)


def export(window: MainWindow, folder: Path) -> ExportState:
    """Write the result in view as a derived series."""
    session, states = window.session, list[ExportState]()
    session.exports.changed.connect(states.append)
    assert session.loaded is not None
    assert session.result is not None
    session.exports.begin(session.loaded, session.result, session.view.display.window, Format.DICOM, folder)
    _await(lambda: bool(states) and states[-1].is_over)
    session.exports.changed.disconnect(states.append)
    return states[-1]


def _await(is_so: Callable[[], bool]) -> None:
    if not wait_until(is_so, timeout_s=300.0):
        raise TimeoutError("the window did not come to it")
