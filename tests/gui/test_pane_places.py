"""Panes lie where the body is largest, and show it as large as they can."""

import pytest
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from marview.gui.pane_places import places_of
from marview.session.display import Display, Layout
from marview.session.messages import Severity

WIDE, ROUND = (40.0, 150.0, 400.0), (40.0, 300.0, 300.0)


def places(layout: Layout, extent_mm, room: tuple[int, int], results: int = 1, quarters: int = 0) -> list:
    display = Display(layout=layout, extent_mm=extent_mm, quarters=quarters)
    return list(places_of(display, results, room=QSize(*room)).values())


BESIDE, STACKED = [(0, 0), (0, 1)], [(0, 0), (1, 0)]


@pytest.mark.parametrize("layout", [Layout.READ, Layout.COMPARE])
@pytest.mark.parametrize(
    ("extent_mm", "room", "expected"),
    [
        (WIDE, (700, 700), STACKED),
        (ROUND, (700, 700), BESIDE),
        (WIDE, (2400, 700), BESIDE),
        (ROUND, (600, 1800), STACKED),  # a portrait screen
        (WIDE, (700, 400), BESIDE),  # too low for two panes
        ((0.0, 0.0, 0.0), (700, 700), BESIDE),
    ],
)
def test_two_panes_of_a_wide_body_lie_below_each_other(layout, extent_mm, room, expected) -> None:
    assert places(layout, extent_mm, room) == expected


def test_a_turned_slice_is_high() -> None:
    assert places(Layout.READ, WIDE, (700, 700), quarters=1) == BESIDE


def test_many_panes_of_a_wide_body_make_more_rows() -> None:
    assert places(Layout.COMPARE, WIDE, (900, 1000), results=2) == [(0, 0), (1, 0), (2, 0)]
    assert places(Layout.COMPARE, ROUND, (900, 1000), results=2) == [(0, 0), (0, 1), (1, 0)]


def is_stacked(window) -> bool:
    original, result = (window.grid.panes[name].geometry() for name in ("original", "result"))
    return original.x() == result.x() and original.bottom() < result.y()


def test_the_panes_of_the_window_follow_body_size_and_turn(reduced) -> None:
    assert not is_stacked(reduced)
    reduced.session.view.update(extent_mm=(8.0, 20.0, 60.0))
    QApplication.processEvents()
    assert is_stacked(reduced)
    QTest.keyClick(reduced, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    QApplication.processEvents()
    assert not is_stacked(reduced)  # turned by 90 degrees, the body is taller than wide
    reduced.session.view.reset()
    reduced.resize(2400, 800)
    QApplication.processEvents()
    assert not is_stacked(reduced)
    reduced.resize(1200, 800)
    QApplication.processEvents()
    assert is_stacked(reduced)


def test_panes_show_the_body_of_all_slices_at_the_first_zoom(opened, qtbot) -> None:
    display = opened.session.view.display
    assert display.zoom == 1.0
    assert display.fit_mm[0] < 64  # a round body of 56 mm in a slice of 64 x 80 mm
    assert display.fit_mm[0] == pytest.approx(display.fit_mm[1], rel=0.1)
    view = opened.grid.panes["original"].view
    inside = view.viewport().rect().adjusted(-1, -1, 1, 1)
    for x, y in ((-28, 0), (28, 0), (0, -28), (0, 28)):
        assert inside.contains(view.viewportTransform().map(QPointF(x, y)).toPoint())
    opened.actions_table["layout_mpr"].trigger()
    QApplication.processEvents()
    coronal = opened.grid.panes["coronal"].view
    per_mm = coronal.viewportTransform().m11()
    assert per_mm * 56 > 0.8 * min(coronal.viewport().width(), per_mm * 80)


@pytest.mark.parametrize("layout", [Layout.MPR, Layout.SENSITIVITY, Layout.READ])
def test_the_focus_stays_in_the_panes_when_its_pane_goes(reduced, layout) -> None:
    reduced.session.messages.say(Severity.WARNING, "A warning with a button that would take the focus.")
    reduced.actions_table["layout_mar"].trigger()
    sinogram = reduced.grid.panes["sinogram"]
    QTest.mouseClick(sinogram.view.viewport(), Qt.MouseButton.LeftButton)
    assert reduced.focusWidget() is sinogram
    reduced.actions_table[f"layout_{layout.value}"].trigger()
    QApplication.processEvents()
    focused = reduced.focusWidget()
    assert focused in reduced.grid.panes.values()
    assert focused.isVisible()
    assert reduced.session.view.display.active == focused.name
