"""Any number of results beside the original, linked, with the same measurements in every pane."""

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from marview.gui.pane_grid import places_of
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


def test_without_a_result_the_comparison_is_disabled_and_says_why(opened) -> None:
    action = opened.actions_table["layout_compare"]
    assert not action.isEnabled()
    assert "Reduce artifacts first" in action.toolTip()


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
