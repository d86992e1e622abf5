"""Correct several studies in the window: the queue of `marview batch`, driven by mouse and keys."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from marview.batch.job import Job, State
from marview.batch.table import TABLE, look_at
from marview.gui.several_window import _cells
from marview.mar import discover
from marview.session.several import Stage

LEFT = Qt.MouseButton.LeftButton
MINUTES = 240_000


@pytest.fixture
def ward(tmp_path: Path, fakes) -> Path:
    """Two studies with metal and one without."""
    folder = tmp_path / "ward"
    for name in ("first", "second"):
        fakes.write_series(folder / name, name, study=name)
    plain = fakes.volume()
    plain[plain > 900] = 40
    fakes.write_series(folder / "third", "third", hu=plain, study="third")
    return folder


@pytest.fixture
def several(make_window, worker, ward: Path, qtbot):
    """The queue's window, with the folder of studies chosen."""
    window = make_window(make_worker=lambda: worker, listings=discover)
    qtbot.waitUntil(lambda: bool(window.session.methods.usable))
    window.session.methods.choose("linear_interpolation")
    QTest.keyClick(window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    made = window.commands.several_window
    made.add(ward)
    made.output.setText(str(ward.parent / "out"))
    return made


def states(window) -> list[State]:
    return [job.state for job in window._several.jobs]


def test_nothing_starts_without_a_folder(make_window, worker) -> None:
    window = make_window(make_worker=lambda: worker, listings=discover)
    window.actions_table["correct_several"].trigger()
    several = window.commands.several_window
    assert several.isVisible()
    assert not several.start.isEnabled()
    assert not several.pause.isEnabled()


def test_the_table_shows_how_many_slices_of_a_running_study_are_corrected() -> None:
    job = Job(1, "k" * 32, Path("/ward/first"), "", 40, State.RUNNING)
    assert _cells(job)[3:6] == ("40", "", "")
    assert _cells(replace(job, corrected=12))[3:6] == ("40", "12", "")
    assert _cells(replace(job, state=State.DONE, corrected=20, seconds=3.25))[3:6] == ("40", "20", "3.2")


@pytest.mark.timeout(600)
def test_a_paused_queue_resumes_corrects_no_study_twice_and_a_result_opens(several, qtbot, ward) -> None:
    session = several._session
    qtbot.mouseClick(several.start, LEFT)
    assert not several.inputs.isEnabled()
    assert session.unsaved == ["the unfinished correction of several studies, which can be resumed from its folder"]
    qtbot.waitUntil(lambda: State.DONE in states(several) or State.RUNNING in states(several), timeout=MINUTES)
    qtbot.mouseClick(several.pause, LEFT)
    qtbot.waitUntil(lambda: not session.several.stage.is_under_way, timeout=MINUTES)
    if session.several.stage is Stage.PAUSED:
        assert State.RUNNING not in states(several)
        assert several.pause.text() == "Resume"
        qtbot.mouseClick(several.pause, LEFT)
        qtbot.waitUntil(lambda: session.several.stage is Stage.DONE, timeout=MINUTES)
    assert states(several) == [State.DONE, State.DONE, State.SKIPPED]
    folders = [path for path in (ward.parent / "out").iterdir() if path.is_dir()]
    assert len(folders) == 2
    assert several.text.text() == "3 studies: 2 done, 1 skipped."
    assert several.table.item(2, 1).text() == "skipped"
    assert "metal" in several.table.item(2, 6).text()
    assert look_at(ward.parent / "out" / TABLE) == list(session.several.jobs)
    several.table.scrollToItem(several.table.item(0, 1))
    qtbot.mouseClick(
        several.table.viewport(), LEFT, pos=several.table.visualItemRect(several.table.item(0, 1)).center()
    )
    qtbot.mouseClick(several.open_result, LEFT)
    qtbot.waitUntil(lambda: session.loaded is not None, timeout=20_000)
    assert session.loaded.series.derived.startswith("Linear interpolation")
    assert session.unsaved == []


@pytest.mark.timeout(600)
def test_an_unusable_folder_gives_a_message(several, qtbot, ward, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("mine")
    qtbot.mouseClick(several.start, LEFT)
    qtbot.waitUntil(lambda: several._several.stage is Stage.FAILED, timeout=MINUTES)
    assert "is not empty" in several.text.text()
    assert (tmp_path / "out" / "letter.txt").read_text() == "mine"
    shutil.rmtree(tmp_path / "out")
    qtbot.mouseClick(several.start, LEFT)
    assert several._several.stage is Stage.RUNNING
