"""The whole workflow works with the real worker: open, find metal, reduce, cancel, export, open the export."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from marview.gui.main_window import MainWindow
from marview.mar import MarWorker, discover
from marview.session.display import Layout, SinogramPicture
from marview.session.exports import Format
from marview.session.job import State

MINUTES = 240_000


@pytest.fixture
def wires(shared_data: Path, tmp_path: Path) -> Path:
    """Some slices of the sternal wires, around those that are clipped."""
    folder = tmp_path / "wires"
    folder.mkdir()
    files = sorted((shared_data / "real_metal" / "sternal_wires").glob("*.dcm"))
    for file in files[-24:-18]:  # instance 1 is at the head end
        shutil.copy(file, folder)
    return folder


def the_whole_way(window: MainWindow, qtbot, monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path) -> None:
    session, table, panes = window.session, window.actions_table, window.grid.panes
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    table["open_folder"].trigger()
    qtbot.waitUntil(lambda: session.metal.is_present and not session.refusal, timeout=MINUTES)

    metal = [int(z) for z in session.metal.slices]
    session.view.go_to(metal[0])
    session.view.update(layout=Layout.MAR)
    qtbot.waitUntil(lambda: panes["sinogram"].trace is not None, timeout=MINUTES)
    assert panes["sinogram"].trace.any()

    here = metal[len(metal) // 2]
    session.view.go_to(here)
    hu = session.loaded.volume.hu.copy()
    qtbot.mouseClick(window.side.run.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(session.result and session.result.done), timeout=MINUTES)
    assert here in session.result.done  # the slice in view comes first
    qtbot.waitUntil(lambda: SinogramPicture.CORRECTED in panes["sinogram"].available, timeout=MINUTES)
    assert panes["prior"].shown is not None
    assert panes["prior"].shown.values.shape == (416, 416)
    corrected, original = (
        panes["sinogram"].picture(kind) for kind in (SinogramPicture.CORRECTED, SinogramPicture.ORIGINAL)
    )
    trace = panes["sinogram"].trace
    assert np.abs(corrected - original)[trace].mean() > 10 * np.abs(corrected - original)[~trace].mean()
    assert (panes["result"].shown.values != hu[here]).any()
    qtbot.waitUntil(lambda: not session.runs.is_running, timeout=MINUTES)
    assert session.runs.job.state is State.DONE, session.runs.job.sentence
    assert sorted(session.result.done) == metal
    first = session.result

    table["reduce"].trigger()
    qtbot.waitUntil(lambda: session.runs.job.state is State.RUNNING, timeout=MINUTES)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not session.runs.is_running, timeout=MINUTES)
    assert session.runs.job.state is State.CANCELLED
    assert session.result is first

    table["export"].trigger()
    dialog = window.commands.export_dialog
    assert dialog.format is Format.DICOM
    dialog.folder.setText(str(tmp_path / "corrected"))
    dialog.start.click()
    qtbot.waitUntil(dialog.show_folder.isVisible, timeout=MINUTES)
    assert f"{len(hu)} slices" in dialog.sentence.text()
    expected = first.corrected(hu[here], here)
    dialog.reopen.click()
    qtbot.waitUntil(
        lambda: (
            session.loaded.series.path.name == "corrected" and not session.metal.is_busy and session.metal.is_present
        ),
        timeout=MINUTES,
    )
    np.testing.assert_array_equal(session.loaded.volume.hu[here], expected)
    without = [z for z in range(len(hu)) if z not in metal]
    np.testing.assert_array_equal(session.loaded.volume.hu[without], hu[without])


@pytest.mark.window
@pytest.mark.data
def test_from_open_to_reopened_export(make_window, qtbot, monkeypatch, wires, tmp_path) -> None:
    if not any(one.id == "nmar" for one in discover()):
        pytest.skip("the method nmar is not installed")
    window = make_window(make_worker=MarWorker)
    qtbot.waitUntil(lambda: window.session.methods.current is not None)
    assert window.session.methods.current.id == "nmar"
    the_whole_way(window, qtbot, monkeypatch, wires, tmp_path)


@pytest.mark.slow
@pytest.mark.window
@pytest.mark.data
def test_the_whole_sternal_wires(make_window, qtbot, monkeypatch, shared_data, tmp_path) -> None:
    window = make_window(make_worker=MarWorker)
    qtbot.waitUntil(lambda: window.session.methods.current is not None)
    the_whole_way(window, qtbot, monkeypatch, shared_data / "real_metal" / "sternal_wires", tmp_path)


MISBEHAVING = {
    "raises": ("raise ZeroDivisionError('by nothing')", "ZeroDivisionError"),
    "segfaults": ("import ctypes; ctypes.string_at(0)", "segmentation fault"),
    "gives_nan": ("return MarResult(case.hu * float('nan'))", "non-finite values"),
    "hangs": ("import time, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n        time.sleep(600)", ""),
    "adds_seven": ("return MarResult(case.hu + 7)", ""),
}
MANIFEST = """
id = "{name}"
title = "{name}"
version = "1"
api = 1
entry = "method:Method"
"""
METHOD = """
from pydantic import BaseModel
from marview.methods.api import MarResult

class Method:
    class Parameters(BaseModel):
        pass

    def run(self, case, parameters, job):
        {body}
"""


@pytest.mark.window
def test_methods_that_misbehave_leave_the_window_alive_with_a_sentence(
    make_window, qtbot, small_series, fakes, tmp_path
) -> None:
    listings = []
    for name, (body, _) in MISBEHAVING.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "plugin.toml").write_text(MANIFEST.format(name=name))
        (folder / "method.py").write_text(METHOD.format(body=body))
        listings.append(fakes.listing(folder, name, name))
    window = make_window(
        make_worker=lambda: MarWorker(listings=lambda: listings, patience_s=0.3), listings=lambda: listings
    )
    session, said = window.session, []
    session.messages.said.connect(lambda message: said.append(message.sentence))
    session.open(small_series)
    qtbot.waitUntil(lambda: session.metal.is_present and not session.refusal, timeout=20_000)
    for name, (_, says) in MISBEHAVING.items():
        session.methods.choose(name)
        qtbot.mouseClick(window.side.run.button, Qt.MouseButton.LeftButton)
        assert session.runs.is_running
        if name == "hangs":
            qtbot.waitUntil(lambda: session.runs.job.state is State.RUNNING or session.runs.job.fraction >= 0)
            qtbot.wait(300)
            qtbot.mouseClick(window.side.run.cancel, Qt.MouseButton.LeftButton)
            assert session.runs.job.state is State.CANCELLING
            assert not window.side.run.cancel.isEnabled()
        qtbot.waitUntil(lambda: not session.runs.is_running, timeout=MINUTES)
        if name == "adds_seven":
            assert session.runs.job.state is State.DONE, session.runs.job.sentence
            continue
        assert session.runs.job.state in {State.FAILED, State.CRASHED, State.CANCELLED}
        assert session.result is None
        assert says in said[-1]
        assert window.messages.isVisible()
        assert window.messages.text.text() == said[-1]
        assert window.side.run.button.isEnabled()
        session.view.scroll(1)
        session.view.scroll(-1)
    assert session.result.is_complete
