"""The window answers within 100 ms of its own CPU time while it loads, runs, learns, sweeps and exports.

CPU time of the window's thread counts, so a busy machine does not matter.
"""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QTimer

from marview.export import Format
from marview.mar import Progress
from marview.session.display import Layout
from marview.session.job import State
from marview.session.sensitivity_choice import SweepChoice

MOST_S = 0.1
TICK_MS = 2
SHAPE = (60, 256, 256)


class Heartbeat:
    """Meter of the longest CPU time between two beats of the event loop."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._last = time.thread_time()
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(TICK_MS)

    def _beat(self) -> None:
        now = time.thread_time()
        self.longest_s, self._last = max(self.longest_s, now - self._last), now

    def stop(self) -> None:
        """Stop measuring; fail on a late beat."""
        self._timer.stop()
        self._beat()
        assert self.longest_s < MOST_S, f"{self.longest_s * 1000:.0f} ms without an answer"


@pytest.fixture
def large_series(tmp_path: Path, fakes) -> Path:
    """A body of a usual size with a pin in six slices."""
    y, x = np.mgrid[: SHAPE[1], : SHAPE[2]]
    hu = np.full(SHAPE, -1000, np.int16)
    hu[:, (y - 128) ** 2 + (x - 128) ** 2 < 100**2] = 40
    hu[25:31, 121:135, 124:132] = 3000
    return fakes.write_series(tmp_path / "large", "Large series", hu=hu)


def load(window, qtbot, path: Path) -> None:
    window.session.open(path)
    qtbot.waitUntil(lambda: window.session.metal.is_present and not window.session.refusal, timeout=120_000)


@pytest.mark.timeout(600)
def test_while_it_loads_runs_and_exports(window, qtbot, large_series, tmp_path) -> None:
    session = window.session
    for what, begin, is_over in (
        ("load", lambda: session.open(large_series), lambda: session.metal.is_present and not session.refusal),
        ("run", session.reduce, lambda: session.result is not None and not session.runs.queue),
        (
            "export",
            lambda: session.exports.begin(
                session.loaded, session.result, session.view.display.window, Format.DICOM, tmp_path / "out"
            ),
            lambda: not session.exports.is_running,
        ),
    ):
        heartbeat = Heartbeat()
        begin()
        qtbot.waitUntil(is_over, timeout=240_000)
        try:
            heartbeat.stop()
        except AssertionError as slow:
            raise AssertionError(f"{what}: {slow}") from None
    assert session.result.is_complete
    assert len(list((tmp_path / "out").iterdir())) == SHAPE[0]


def test_while_a_method_learns_and_reports_often(make_window, worker, fakes, qtbot, small_series, tmp_path) -> None:
    window = make_window(make_worker=lambda: worker, listings=lambda: [fakes.listing(tmp_path)])
    load(window, qtbot, small_series)
    session = window.session
    worker.gate.clear()
    heartbeat = Heartbeat()
    session.reduce()
    qtbot.waitUntil(lambda: session.runs.job.run is not None)
    run = session.runs.job.run

    def tell() -> None:
        for step in range(20_000):
            run.tell(Progress(step / 20_000, f"step {step} of 20000", is_learning=True))
        worker.gate.set()

    threading.Thread(target=tell, daemon=True).start()
    qtbot.waitUntil(lambda: not session.runs.queue, timeout=120_000)
    heartbeat.stop()
    assert session.result.is_complete


@pytest.mark.timeout(600)
def test_while_a_sweep_runs_and_shows_its_figures(window, qtbot, large_series) -> None:
    load(window, qtbot, large_series)
    session = window.session
    window.commands.show_layout(Layout.SENSITIVITY)
    qtbot.wait(100)
    heartbeat = Heartbeat()
    session.sweep(SweepChoice(("fake",), (0.0, 1.0, 2.0), slices=(25, 30)))
    qtbot.waitUntil(lambda: session.sensitivity.swept is not None, timeout=240_000)
    qtbot.wait(100)
    heartbeat.stop()
    assert len(session.sensitivity.swept.result.slices) == 6


@pytest.mark.slow  # starts workers and trains
@pytest.mark.timeout(900)
def test_beside_the_real_worker_while_it_loads_runs_learns_and_exports(make_window, qtbot, tmp_path, fakes) -> None:
    """The worker's process, its messages and its shared memory; one method corrects, one learns from the scan first."""
    y, x = np.mgrid[:96, :96]
    hu = np.full((12, 96, 96), -1000, np.int16)
    hu[:, (y - 48) ** 2 + (x - 48) ** 2 < 40**2] = 40
    hu[4:7, 44:52, 44:50] = 8000
    path = fakes.write_series(tmp_path / "series", "Series", hu=hu)
    window = make_window()  # the real worker and the installed methods
    session = window.session
    session.methods.look()
    qtbot.waitUntil(lambda: bool(session.methods.usable), timeout=300_000)
    heartbeat = Heartbeat()
    load(window, qtbot, path)
    tiny = {"steps": 2, "channels": 4, "size_px": 64, "begin": "nothing"}
    for method, values in (("linear_interpolation", {}), ("near_hip", tiny)):
        session.methods.choose(method)
        for name, value in values.items():
            session.methods.set_value(method, name, value)
        session.reduce()
        qtbot.waitUntil(lambda: not session.runs.queue, timeout=600_000)
        assert session.runs.job.state is State.DONE, session.runs.job.sentence
    window.commands.show_layout(Layout.MAR)
    session.exports.begin(session.loaded, session.result, session.view.display.window, Format.DICOM, tmp_path / "out")
    qtbot.waitUntil(lambda: not session.exports.is_running, timeout=240_000)
    heartbeat.stop()
    assert len(session.results) == 2
