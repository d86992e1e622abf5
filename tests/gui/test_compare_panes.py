"""Any number of results beside the original, linked, with the same measurements in every pane."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from marview.gui.pane_places import places_of
from marview.mar import Outcome
from marview.session.display import Display, Layout

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def reduce(window, qtbot, method: str) -> None:
    window.session.methods.choose(method)
    before = len(window.session.results)
    window.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: len(window.session.results) > before and not window.session.runs.is_running, timeout=20000)


@pytest.fixture
def compared(reduced, qtbot):
    reduced.activateWindow()
    reduce(reduced, qtbot, "other")
    reduced.session.view.go_to(3)
    QTest.keyClick(reduced, Qt.Key.Key_6, CONTROL)
    assert reduced.session.view.display.layout is Layout.COMPARE
    return reduced


def shown(window) -> list[str]:
    return [name for name, pane in window.grid.panes.items() if pane.isVisible()]


def test_every_result_has_its_pane(compared) -> None:
    assert shown(compared) == ["original", "compare 0", "compare 1"]
    titles = [compared.grid.panes[name].title.text() for name in ("compare 0", "compare 1")]
    assert titles == ["1 Fake method", "2 Other method"]
    original = compared.session.original().values
    for name in ("compare 0", "compare 1"):
        np.testing.assert_array_equal(compared.grid.panes[name].shown.values, original + 10)


def test_a_pane_names_the_method_that_made_the_slice(worker, compared, qtbot) -> None:
    worker.made_by = {3: "NMAR"}
    reduce(compared, qtbot, "other")
    pane = compared.grid.panes["compare 2"]
    for z, title in ((3, "3 NMAR in place of Other method"), (4, "3 Other method")):
        compared.session.view.go_to(z)
        qtbot.waitUntil(lambda title=title: pane.title.text() == title)


def test_another_result_gets_a_pane_as_soon_as_its_run_is_over(compared, qtbot) -> None:
    reduce(compared, qtbot, "fake")
    qtbot.waitUntil(lambda: shown(compared) == ["original", "compare 0", "compare 1", "compare 2"])


def test_slice_and_zoom_are_linked_and_x_shows_the_original_everywhere(compared) -> None:
    QTest.keyClick(compared.grid.panes["compare 0"], Qt.Key.Key_Down)
    z = compared.session.view.display.slice_index
    hu = compared.session.loaded.volume.hu[z]
    QTest.keyPress(compared.grid.panes["compare 1"], Qt.Key.Key_X)
    for name in ("original", "compare 0", "compare 1"):
        np.testing.assert_array_equal(compared.grid.panes[name].shown.values, hu)
    QTest.keyRelease(compared.grid.panes["compare 1"], Qt.Key.Key_X)
    assert (compared.grid.panes["compare 1"].shown.values != hu).any()


def test_a_region_drawn_in_one_pane_is_measured_in_all_with_its_change(compared) -> None:
    pane = compared.grid.panes["compare 1"]
    QTest.keyClick(pane, Qt.Key.Key_E, SHIFT)
    to_pixels, target = pane.view.viewportTransform(), pane.view.viewport()
    start, end = (to_pixels.map(QPointF(*point)).toPoint() for point in ((10.0, 8.0), (16.0, 13.0)))
    QTest.mousePress(target, LEFT, NONE, start)
    QTest.mouseMove(target, end)
    QTest.mouseRelease(target, LEFT, NONE, end)
    labels = {
        name: [text.split("\n")[0] for _, text, _ in compared.grid.panes[name].view._labels.values()]
        for name in ("original", "compare 0", "compare 1")
    }
    assert labels == {
        "original": ["mean 40.0 HU"],
        "compare 0": ["mean 50.0 HU (+10.0)"],
        "compare 1": ["mean 50.0 HU (+10.0)"],
    }
    assert [row[0] for row in compared.side.measures.details.rows] == ["Original", "1 Fake method", "2 Other method"]


def test_tab_goes_through_the_panes_and_a_double_click_maximises_one(compared) -> None:
    compared.grid.focus_first()
    seen = []
    for _ in range(3):
        seen.append(compared.session.view.display.active)
        QTest.keyClick(compared.grid.panes[seen[-1]], Qt.Key.Key_Tab)
    assert seen == ["original", "compare 0", "compare 1"]
    QTest.mouseDClick(compared.grid.panes["compare 1"].view.viewport(), LEFT)
    assert shown(compared) == ["compare 1"]
    QTest.mouseDClick(compared.grid.panes["compare 1"].view.viewport(), LEFT)
    assert len(shown(compared)) == 3


def test_without_a_series_the_comparison_is_disabled_and_says_why(window) -> None:
    action = window.actions_table["layout_compare"]
    assert not action.isEnabled()
    assert "Open a series that can be corrected" in action.toolTip()
    assert not window.side.run.compare.isEnabled()
    assert "Open a series that can be corrected" in window.side.run.compare.toolTip()


def click(widget, at=None) -> None:
    QTest.mouseClick(widget, LEFT, NONE, widget.rect().center() if at is None else at)


def tick(window, method: str) -> None:
    """Tick a method in the open menu of the comparison, which stays open."""
    button = window.desk.compare_bar.methods
    menu = button.menu()
    menu.popup(button.mapToGlobal(button.rect().bottomLeft()))
    click(menu, menu.actionGeometry(button._ticks[method]).center())
    assert menu.isVisible()
    menu.close()


@pytest.fixture
def comparing(opened):
    """The comparison of two methods, opened with the mouse on a slice with metal."""
    opened.session.view.go_to(3)
    click(opened.side.run.compare)
    assert opened.session.view.display.layout is Layout.COMPARE
    assert opened.desk.compare_bar.methods.chosen == ("fake",)
    tick(opened, "other")
    assert opened.desk.compare_bar.methods.chosen == ("fake", "other")
    return opened


def compare(window, qtbot) -> None:
    """Press the button and wait for the runs."""
    click(window.desk.compare_bar.button)
    qtbot.waitUntil(lambda: not window.session.runs.is_running, timeout=20000)


def test_ticked_methods_run_on_this_slice_and_lie_side_by_side(comparing, worker, qtbot) -> None:
    compare(comparing, qtbot)
    assert [(request.method, request.slices) for request in worker.requests] == [("fake", (3,)), ("other", (3,))]
    qtbot.waitUntil(lambda: shown(comparing) == ["original", "compare 0", "compare 1"])
    panes = [comparing.grid.panes[name] for name in ("compare 0", "compare 1")]
    assert [pane.title.text() for pane in panes] == ["1 Fake method", "2 Other method"]
    for pane in panes:
        np.testing.assert_array_equal(pane.shown.values, comparing.session.original().values + 10)
    QTest.mouseClick(panes[0].view.viewport(), LEFT)
    before = comparing.session.view.display.window
    QTest.mousePress(panes[0].view.viewport(), LEFT, NONE, QPoint(60, 60))
    QTest.mouseMove(panes[0].view.viewport(), QPoint(90, 60))
    QTest.mouseMove(panes[0].view.viewport(), QPoint(120, 60))
    QTest.mouseRelease(panes[0].view.viewport(), LEFT, NONE, QPoint(120, 60))
    assert comparing.session.view.display.window != before
    levels = {tuple(pane.view._image.levels) for pane in (comparing.grid.panes["original"], *panes)}
    assert len(levels) == 1  # linked


def test_a_method_that_has_corrected_the_slice_is_not_run_again(comparing, worker, qtbot) -> None:
    compare(comparing, qtbot)
    compare(comparing, qtbot)
    assert len(worker.requests) == 2
    assert "already corrected this slice" in comparing.messages.text.text()


def test_another_slice_joins_the_results_of_the_same_methods(comparing, worker, qtbot) -> None:
    compare(comparing, qtbot)
    comparing.session.results[0].is_exported = True
    comparing.session.view.go_to(2)
    compare(comparing, qtbot)
    assert [request.slices for request in worker.requests] == [(3,), (3,), (2,), (2,)]
    assert shown(comparing) == ["original", "compare 0", "compare 1"]
    first = comparing.session.results[0]
    assert sorted(first.done) == [2, 3]
    assert first.is_complete
    assert not first.is_exported  # no file contains the new slice


def test_a_comparison_with_another_mask_is_another_result(comparing, worker, qtbot) -> None:
    compare(comparing, qtbot)
    comparing.session.metal.set_margin(2.0)
    qtbot.waitUntil(lambda: comparing.session.metal.recipe.margin_mm == 2.0 and not comparing.session.metal.is_busy)
    compare(comparing, qtbot)
    assert len(comparing.session.results) == 4
    qtbot.waitUntil(lambda: len(shown(comparing)) == 5)


def test_a_slice_without_metal_is_not_compared(comparing, worker) -> None:
    comparing.session.view.go_to(0)
    click(comparing.desk.compare_bar.button)
    assert not worker.requests
    assert "contains no metal" in comparing.messages.text.text()


def test_the_result_in_view_stays_and_a_cancel_ends_all_runs(reduced, worker, qtbot) -> None:
    in_view = reduced.session.result
    reduced.session.methods.set_value("fake", "strength_hu", 12.0)
    QTest.keyClick(reduced, Qt.Key.Key_6, CONTROL)
    tick(reduced, "other")
    worker.ending = Outcome("failed", "The method fake failed.", exit_code=4)
    worker.is_failing_at_once = True
    compare(reduced, qtbot)
    assert reduced.session.result is in_view
    assert reduced.session.results == [in_view]
    worker.ending = Outcome("done")
    compare(reduced, qtbot)
    assert reduced.session.result is in_view
    assert len(reduced.session.results) == 3


def test_the_bar_says_what_runs_and_cancels_it(comparing, worker, qtbot) -> None:
    bar = comparing.desk.compare_bar
    worker.gate.clear()
    comparing.session.reduce()
    click(bar.button)
    assert bar.cancel.isVisible()
    assert "2 runs waiting" in bar.text.text()
    click(bar.cancel)
    qtbot.waitUntil(lambda: not comparing.session.runs.is_running, timeout=20000)
    assert not bar.cancel.isVisible()
    assert not comparing.session.runs.waiting


def test_keys_alone_tick_a_method_and_compare(opened, worker, qtbot) -> None:
    opened.activateWindow()
    opened.session.view.go_to(3)
    QTest.keyClick(opened, Qt.Key.Key_6, CONTROL)
    bar = opened.desk.compare_bar
    for _ in range(5):
        if opened.focusWidget() is not bar.methods:
            QTest.keyClick(opened.focusWidget() or opened, Qt.Key.Key_F6)
    assert opened.focusWidget() is bar.methods
    menu = bar.methods.menu()
    menu.popup(bar.methods.mapToGlobal(bar.methods.rect().bottomLeft()))
    QTest.keyClick(menu, Qt.Key.Key_Down)
    QTest.keyClick(menu, Qt.Key.Key_Down)
    QTest.keyClick(menu, Qt.Key.Key_Space)
    assert menu.isVisible()
    menu.close()
    assert bar.methods.chosen == ("fake", "other")
    QTest.keyClick(bar.methods, Qt.Key.Key_Tab)
    assert opened.focusWidget() is bar.button
    QTest.keyClick(bar.button, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: len(opened.session.results) == 2, timeout=20000)


def test_without_a_ticked_method_the_button_is_off(comparing) -> None:
    for method in ("fake", "other"):
        tick(comparing, method)
    assert not comparing.desk.compare_bar.button.isEnabled()


@pytest.mark.parametrize(("results", "rows", "columns"), [(1, 1, 2), (2, 2, 2), (3, 2, 2), (5, 2, 3), (8, 3, 3)])
def test_panes_lie_in_a_square_as_far_as_they_can(results, rows, columns) -> None:
    places = places_of(Display(layout=Layout.COMPARE), results)
    assert len(places) == results + 1
    assert {row for row, _ in places.values()} == set(range(rows))
    assert {column for _, column in places.values()} == set(range(columns))


def test_the_last_pane_fills_its_row(compared) -> None:
    grid = compared.grid
    last, above = grid.panes["compare 1"], grid.panes["original"]
    assert last.width() > 1.8 * above.width()
