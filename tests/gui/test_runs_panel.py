"""The queue and the history of runs, presets and scope, through the real mouse and keys."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from marview.mar import discover
from marview.session.run_presets import run_presets
from marview.session.run_scope import Reach, RunScope

LEFT = Qt.MouseButton.LeftButton


def click_row(qtbot, panel, row: int, modifier=Qt.KeyboardModifier.NoModifier) -> None:
    item = panel.list.item(row)
    panel.window().side.sections.ensureWidgetVisible(panel.list)
    panel.list.scrollToItem(item)
    QApplication.processEvents()
    qtbot.mouseClick(panel.list.viewport(), LEFT, modifier, panel.list.visualItemRect(item).center())


def choose(qtbot, box, at: int) -> None:
    """Choose a line of a drop-down list with the mouse."""
    box.showPopup()
    view = box.view()
    qtbot.mouseClick(view.viewport(), LEFT, pos=view.visualRect(box.model().index(at, 0)).center())
    qtbot.waitUntil(lambda: box.currentIndex() == at)


def queue_two_more(opened, qtbot, worker) -> None:
    """Three runs; the worker holds the first one."""
    worker.gate.clear()
    side = opened.side
    qtbot.mouseClick(side.run.button, LEFT)
    choose(qtbot, side.method.chooser, 1)
    qtbot.mouseClick(side.run.button, LEFT)
    opened.session.methods.set_value("other", "rounds", 5)
    qtbot.mouseClick(side.run.button, LEFT)
    assert len(opened.session.runs.queue) == 3


def finish(opened, qtbot, worker) -> None:
    worker.gate.set()
    qtbot.waitUntil(lambda: not opened.session.runs.queue, timeout=20_000)


def test_runs_wait_in_the_list_and_then_become_history(opened, qtbot, worker) -> None:
    panel = opened.side.runs
    assert not panel.isVisible()
    queue_two_more(opened, qtbot, worker)
    assert panel.list.count() == 3
    assert panel.list.item(1).text() == "Other method · waiting"
    assert "2 runs waiting" in opened.side.run.text.text()
    finish(opened, qtbot, worker)
    assert [panel.list.item(row).text() for row in range(3)] == [
        "1  Fake method · 3 slices · 2 s",
        "2  Other method · 3 slices · 2 s",
        "3  Other method · 3 slices · 2 s",
    ]
    assert "rounds: 5" in panel.list.item(2).toolTip() or "strength hu" in panel.list.item(2).toolTip()


def test_a_waiting_run_moves_up_and_is_cancelled_with_buttons(opened, qtbot, worker) -> None:
    panel, runs = opened.side.runs, opened.session.runs
    queue_two_more(opened, qtbot, worker)
    second, third = runs.waiting
    click_row(qtbot, panel, 2)
    qtbot.mouseClick(panel.earlier, LEFT)
    assert runs.waiting == [third, second]
    click_row(qtbot, panel, 2)
    qtbot.mouseClick(panel.cancel, LEFT)
    assert runs.waiting == [third]
    finish(opened, qtbot, worker)
    assert [dict(result.parameters) for result in opened.session.results] == [{}, {"rounds": 5}]


def test_a_click_on_a_run_shows_its_result_and_run_again_repeats_it(opened, qtbot, worker) -> None:
    panel, session = opened.side.runs, opened.session
    queue_two_more(opened, qtbot, worker)
    finish(opened, qtbot, worker)
    click_row(qtbot, panel, 0)
    assert session.result is session.results[0]
    assert opened.grid.panes["result"].title.text() == "Fake method"
    qtbot.mouseClick(panel.again, LEFT)
    qtbot.waitUntil(lambda: not session.runs.queue, timeout=20_000)
    assert len(session.results) == 4
    assert session.results[3].method == "fake"


def test_two_runs_are_compared_in_a_table(opened, qtbot, worker) -> None:
    panel = opened.side.runs
    queue_two_more(opened, qtbot, worker)
    finish(opened, qtbot, worker)
    click_row(qtbot, panel, 0)
    assert not panel.differ.isEnabled()
    click_row(qtbot, panel, 1, Qt.KeyboardModifier.ControlModifier)
    qtbot.mouseClick(panel.differ, LEFT)
    table = panel.dialog.table
    rows = {table.item(row, 0).text(): table.item(row, 1).text() for row in range(table.rowCount())}
    assert rows["Method"] == "Fake method 2.1"
    assert rows["Images, 3 slices"].startswith("RMS difference 0.0 HU")
    QTest.keyClick(panel.dialog, Qt.Key.Key_Escape)
    assert not panel.dialog.isVisible()


def test_the_slices_of_a_run_are_chosen(opened, qtbot, worker) -> None:
    row, session = opened.side.run.scope, opened.session
    session.view.go_to(3)
    assert not row.first.isVisible()
    choose(qtbot, row.reach, 1)
    assert session.reductions.scope.reach is Reach.SLICE
    qtbot.mouseClick(opened.side.run.button, LEFT)
    qtbot.waitUntil(lambda: not session.runs.queue, timeout=20_000)
    assert worker.requests[0].slices == (3,)
    choose(qtbot, row.reach, 2)
    assert (row.first.value(), row.last.value()) == (3, 5)
    row.last.setFocus()
    row.last.selectAll()
    QTest.keyClicks(row.last, "4")
    QTest.keyClick(row.last, Qt.Key.Key_Return)
    assert session.reductions.scope == RunScope(Reach.RANGE, 3, 4)
    qtbot.mouseClick(opened.side.run.button, LEFT)
    qtbot.waitUntil(lambda: not session.runs.queue, timeout=20_000)
    assert worker.requests[1].slices == (3, 4)


def test_a_method_says_what_it_is_good_for_and_how_long_it_took_here(opened, qtbot) -> None:
    panel, methods = opened.side.method, opened.session.methods
    good = methods.current.manifest.model_copy(update={"purpose": "Good for tests."})
    methods.current = type(methods.current)("fake", methods.current.folder, "bundled", good)
    methods.chosen.emit()
    assert panel.purpose.text() == "Good for tests."
    qtbot.mouseClick(opened.side.run.button, LEFT)
    qtbot.waitUntil(lambda: not opened.session.runs.queue, timeout=20_000)
    assert panel.purpose.text() == "Good for tests. About 0.5 s per slice on this machine (1 run)."


@pytest.fixture
def with_methods(make_window, worker, qtbot, small_series):
    """A window with the bundled methods and a fake worker."""
    window = make_window(make_worker=lambda: worker, listings=discover)
    window.session.open(small_series)
    qtbot.waitUntil(lambda: window.session.metal.is_present and not window.session.refusal, timeout=20_000)
    return window


@pytest.mark.parametrize("at", range(1, 5))
def test_a_preset_sets_method_parameters_and_margin(with_methods, qtbot, at: int) -> None:
    session, presets = with_methods.session, with_methods.side.method.presets
    session.metal.set_margin(1.0)
    qtbot.waitUntil(lambda: not session.metal.is_busy)
    choose(qtbot, presets, at)
    preset = run_presets()[at - 1]
    assert presets.currentText() == preset.title
    assert session.methods.current.id == preset.method
    assert session.methods.values(preset.method) == dict(preset.parameters)
    assert with_methods.side.method.why.text() == preset.why
    qtbot.waitUntil(lambda: session.metal.recipe.margin_mm == preset.margin_mm and not session.metal.is_busy)
    assert "The preset set the margin of the mask to 0 mm." in with_methods.messages.text.text()


def test_every_bundled_method_says_what_it_is_good_for() -> None:
    bundled = {one.id: one.manifest for one in discover() if one.origin == "bundled" and one.manifest is not None}
    assert all(manifest.purpose.endswith(".") for manifest in bundled.values()), bundled
    assert {preset.method for preset in run_presets()} <= set(bundled)
