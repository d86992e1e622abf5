"""Closing asks once and lists unsaved work; the window is restored in the next session."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from marview.gui.window_state import FRAME, WANTED
from marview.mar import Outcome
from marview.session.display import Layout
from marview.session.settings import Settings


def paint(window, qtbot) -> None:
    window.actions_table["brush"].trigger()
    view = window.grid.panes["original"].view.viewport()
    middle = view.rect().center()
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(view, middle + QPoint(10, 5))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=middle + QPoint(10, 5))
    qtbot.waitUntil(lambda: window.session.metal.is_unsaved)


def test_a_window_without_work_closes_at_once(opened) -> None:
    opened.close()
    assert opened.close_question is None
    assert not opened.isVisible()


def test_closing_with_unsaved_work_asks_once_and_says_what_is_unsaved(reduced, qtbot) -> None:
    paint(reduced, qtbot)
    reduced.actions_table["quit"].trigger()
    question = reduced.close_question
    assert question.isVisible()
    assert "Fake method of Small series, not exported" in question.informativeText()
    assert "metal mask of Small series" in question.informativeText()
    assert question.defaultButton() is question.stay
    qtbot.mouseClick(question.stay, Qt.MouseButton.LeftButton)
    assert reduced.isVisible()
    assert reduced.session.result is not None
    reduced.close()
    qtbot.mouseClick(reduced.close_question.leave, Qt.MouseButton.LeftButton)
    assert not reduced.isVisible()
    assert reduced.session.background.is_closed()


def test_closing_tells_results_of_one_method_apart(reduced, qtbot) -> None:
    session = reduced.session
    session.metal.set_margin(2)
    qtbot.waitUntil(lambda: not session.metal.is_busy, timeout=5000)
    reduced.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: len(session.results) == 2 and not session.runs.is_running, timeout=20000)
    reduced.close()
    first, second = reduced.close_question.informativeText().splitlines()
    assert first.startswith("• Fake method of Small series, not exported (run 1: mask ")
    assert first.endswith("margin +0 mm)")
    assert "(run 2: mask " in second
    assert second.endswith("margin +2 mm)")


def test_escape_keeps_the_window(reduced) -> None:
    reduced.close()
    QTest.keyClick(reduced.close_question, Qt.Key.Key_Escape)
    assert not reduced.close_question.isVisible()
    assert reduced.isVisible()


def test_closing_during_a_run_asks(opened, worker, qtbot) -> None:
    worker.gate.clear()
    qtbot.mouseClick(opened.side.run.button, Qt.MouseButton.LeftButton)
    opened.close()
    assert "The unfinished run of Fake method on Small series" in opened.close_question.informativeText()
    assert opened.isVisible()
    worker.gate.set()
    qtbot.waitUntil(lambda: not opened.session.runs.is_running)


def test_a_killed_worker_keeps_the_finished_slices_and_offers_retry(opened, worker, qtbot) -> None:
    worker.ending = Outcome("crashed", "Fake method stopped unexpectedly.", exit_code=4)
    opened.session.view.go_to(3)
    run = opened.side.run
    qtbot.mouseClick(run.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not opened.session.runs.is_running)
    assert run.text.text() == "Stopped after 1 of 3 slices."
    assert (opened.grid.panes["result"].shown.values == opened.session.original().values + 10).all()
    worker.ending = Outcome("done")
    qtbot.mouseClick(run.retry, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not opened.session.runs.is_running)
    assert opened.session.result.is_complete
    assert not run.retry.isVisible()


def test_results_and_masks_are_there_after_another_series_and_back(reduced, qtbot, fakes, tmp_path) -> None:
    session = reduced.session
    paint(reduced, qtbot)
    voxels = int(session.metal.counts.sum())
    session.open(fakes.write_series(tmp_path / "other", "Other", 9))
    qtbot.waitUntil(lambda: session.loaded.series.description == "Other" and not session.refusal, timeout=20000)
    assert reduced.grid.panes["result"].title.text() == "Result"
    QTest.keyClick(reduced, Qt.Key.Key_PageDown)
    qtbot.waitUntil(lambda: session.loaded.series.description == "Small series", timeout=20000)
    qtbot.waitUntil(lambda: not session.refusal, timeout=20000)
    assert reduced.grid.panes["result"].title.text() == "Fake method"
    assert int(session.metal.counts.sum()) == voxels
    assert reduced.actions_table["undo"].isEnabled()


def test_the_window_is_restored(make_window, worker) -> None:
    settings = Settings()
    window = make_window(settings=settings, make_worker=lambda: worker, listings=list)
    window.resize(window.minimumSizeHint().width(), 720)  # wider than the screen of the tests is not restored
    window._show_side()
    window._show_panes()
    window.session.view.update(layout=Layout.MAR)
    QApplication.processEvents()
    window.toggle_panel(0)
    window.close()
    again = make_window(settings=settings, make_worker=lambda: worker, listings=list)
    again.restore()
    again._show_side()
    QApplication.processEvents()
    assert again.height() == 720
    assert again.session.view.display.layout is Layout.MAR
    assert again.panels.sizes()[0] == 0
    assert again.panels.sizes()[2] > 0


@pytest.mark.parametrize("record", [{}, {"geometry": "nonsense", "panels": "§", "layout": "cinema"}])
def test_a_first_window_fits_the_screen(make_window, worker, record) -> None:
    window = make_window(settings=Settings(window=record), make_worker=lambda: worker, listings=list)
    window.restore()
    room = window.screen().availableGeometry()
    assert window.width() == min(WANTED[0], room.width() - FRAME[0])
    assert window.height() <= room.height()
    assert window.session.view.display.layout is Layout.READ
    window._show_side()
    QApplication.processEvents()
    assert window.panels.sizes()[0] == 0  # a narrow window shows only the images


def test_a_panel_collapses_and_comes_back(opened) -> None:
    widths = opened.panels.sizes()
    opened.actions_table["side_panel"].trigger()
    assert opened.panels.sizes()[2] == 0
    assert opened.panels.sizes()[1] > widths[1]
    opened.actions_table["side_panel"].trigger()
    assert opened.panels.sizes()[2] >= 280


@pytest.mark.parametrize(("at", "key"), [(0, Qt.Key.Key_F7), (2, Qt.Key.Key_F8)])
def test_a_panel_floats_with_its_keys_and_comes_back(opened, qtbot, at, key) -> None:
    opened.activateWindow()
    slot, width = opened.slots[at], opened.panels.sizes()[1]
    QTest.keyClick(opened, key, Qt.KeyboardModifier.ShiftModifier)
    assert slot.is_floating
    assert slot.panel.isVisible()
    assert slot.panel.window() is not opened
    qtbot.waitUntil(lambda: opened.panels.sizes()[1] > width)  # the images get the room
    floating = slot.floating
    qtbot.waitExposed(floating)
    floating.activateWindow()
    here = opened.session.view.display.slice_index
    QTest.keyClick(floating, Qt.Key.Key_Down)
    assert opened.session.view.display.slice_index != here, "keys work in the panel's window too"
    floating.close()
    assert not slot.is_floating
    assert slot.panel.window() is opened
    QTest.keyClick(opened, key, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(opened, key)
    assert not slot.is_floating


def test_a_floating_panel_closes_with_the_window(opened) -> None:
    opened.float_panel(2)
    opened.close()
    assert not opened.isVisible()
    assert not opened.slots[2].is_floating


def test_closing_a_series_without_work_takes_it_off_the_list(opened, qtbot, fakes, tmp_path) -> None:
    session = opened.session
    session.open(fakes.write_series(tmp_path / "other", "Other", 9))
    qtbot.waitUntil(lambda: session.loaded.series.description == "Other" and not session.refusal, timeout=20000)
    opened.activateWindow()
    QTest.keyClick(opened, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(
        lambda: session.loaded is not None and session.loaded.series.description == "Small series", timeout=20000
    )
    qtbot.waitUntil(lambda: not session.refusal, timeout=20000)
    assert [entry.series.description for entry in session.library.entries] == ["Small series"]
    opened.actions_table["close_series"].trigger()
    assert session.loaded is None
    assert opened.pages.currentWidget() is opened.empty
    assert not opened.actions_table["reduce"].isEnabled()
    assert not opened.actions_table["next_slice"].isEnabled()


def test_closing_a_series_with_work_asks_and_says_what_is_lost(reduced, qtbot) -> None:
    session = reduced.session
    paint(reduced, qtbot)
    reduced.actions_table["close_series"].trigger()
    assert "lose 1 result not exported; its metal mask, edited by hand?" in reduced.questions.text.text()
    qtbot.mouseClick(reduced.questions.no, Qt.MouseButton.LeftButton)
    assert session.result is not None
    reduced.actions_table["close_series"].trigger()
    qtbot.mouseClick(reduced.questions.yes, Qt.MouseButton.LeftButton)
    assert session.loaded is None
    assert session.unsaved == []


def test_closing_is_asked_once_and_a_late_answer_closes_nothing_else(reduced, qtbot) -> None:
    """The 16,614th action of a soak answered the second of two questions about one series."""
    session = reduced.session
    asked = []
    session.messages.asked.connect(asked.append)
    reduced.actions_table["close_series"].trigger()
    reduced.actions_table["close_series"].trigger()
    assert len(asked) == 2
    qtbot.mouseClick(reduced.questions.yes, Qt.MouseButton.LeftButton)
    assert session.loaded is None
    assert not reduced.questions.isVisible(), "no second question about a series that is closed"
    for question in asked:
        question.answer(True)


def test_a_closed_series_opens_again_with_nothing_left_of_it(reduced, qtbot, small_series) -> None:
    session = reduced.session
    reduced.actions_table["close_series"].trigger()
    qtbot.mouseClick(reduced.questions.yes, Qt.MouseButton.LeftButton)
    session.open(small_series)
    qtbot.waitUntil(lambda: session.loaded is not None and not session.refusal, timeout=20000)
    assert session.results == []
    assert not session.metal.can_undo


@pytest.mark.parametrize("layout", list(Layout))
def test_a_shorter_series_takes_over_in_every_layout(reduced, qtbot, fakes, tmp_path, layout) -> None:
    """The slice in view may lie beyond the end of the new series for a moment."""
    session = reduced.session
    session.view.update(layout=layout, oblique_deg=None)
    session.view.go_to(6)
    short = fakes.write_series(tmp_path / "short", "Short", 8, fakes.volume()[2:5])
    session.open(short)
    qtbot.waitUntil(lambda: session.loaded.series.description == "Short" and not session.refusal, timeout=20000)
    assert session.view.display.slice_count == 3
    QTest.keyClick(reduced, Qt.Key.Key_PageDown)
    qtbot.waitUntil(lambda: session.loaded.series.description == "Small series", timeout=20000)
    qtbot.waitUntil(lambda: session.result is not None and not session.refusal, timeout=20000)
