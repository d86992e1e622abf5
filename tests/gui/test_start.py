"""The window starts quickly and without the compute side."""

import subprocess
import sys

import pytest
from PySide6.QtCore import QObject, Signal, qInstallMessageHandler, qWarning

from marview.gui.app import print_message, render_to_png

START = """
import sys, time
import pydantic, pydicom.pixels, pyqtgraph, scipy.ndimage
libraries = time.process_time()
from marview.gui.app import application, make_window
from marview.session.settings import Settings
qt = application()
window = make_window(Settings())
window.show()
qt.processEvents()
print(time.process_time() / libraries)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "numba", "cupy", "vtk", "matplotlib"}))
compute = ("marview.worker", "marview.projection", "marview.physics")
print(sorted(name for name in sys.modules if name.startswith(compute)))
window.close()
"""


def test_the_first_window_loads_no_torch_and_nothing_of_the_compute_side() -> None:
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)
    of_libraries, heavy, compute = done.stdout.splitlines()
    assert heavy == compute == "[]"
    assert float(of_libraries) < 3  # CPU time; 2.0 s on an idle machine, and as much elapsed time


class _Source(QObject):
    fired = Signal(bool, object)


def test_twenty_thousand_signals_keep_true_and_none_alive(qapp) -> None:
    """PySide 6.12.0 loses references to True and None on Python 3.11 until the interpreter crashes."""
    source, heard = _Source(), [0]

    def count(is_on: bool, nothing: object) -> None:
        heard[0] += is_on and nothing is None

    source.fired.connect(count)
    for _ in range(20_000):
        source.fired.emit(True, None)
    assert heard == [20_000]
    assert sys.getrefcount(None) > 1000
    assert sys.getrefcount(True) > 20


def test_a_picture_of_the_window_is_drawn_without_a_display(tmp_path, small_series) -> None:
    render_to_png(small_series, tmp_path / "window.png")
    assert (tmp_path / "window.png").stat().st_size > 20_000


def test_messages_of_qt_are_printed_except_the_line_about_size_hints(capsys: pytest.CaptureFixture[str]) -> None:
    before = qInstallMessageHandler(print_message)
    try:
        qWarning("This plugin does not support propagateSizeHints()")
        qWarning("something else")
    finally:
        qInstallMessageHandler(before)
    assert capsys.readouterr().err == "something else\n"
