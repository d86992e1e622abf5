"""Keys, menus and the sheet come from one table."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QScrollArea

from marview.gui.action_rows import MOUSE, PRESET_ROWS, ROWS
from marview.gui.action_state import NEEDS
from marview.gui.shortcut_sheet import ShortcutSheet, keys_of
from marview.session.display import Layout, Overlay
from marview.volume.window import HuWindow

ALL_ROWS = (*ROWS, *PRESET_ROWS)


def test_no_key_does_two_things() -> None:
    keys = [QKeySequence(key).toString() for row in ALL_ROWS for key in row.keys]
    assert len(keys) == len(set(keys))


def test_ids_are_unique_and_every_row_can_be_done(window) -> None:
    ids = [row.id for row in ALL_ROWS]
    assert len(ids) == len(set(ids))
    elsewhere = {"hold_original", "next_pane"}
    assert {row.id for row in ALL_ROWS if row.does is None} == elsewhere
    assert {row.needs for row in ALL_ROWS} <= {"", *NEEDS}


def test_every_row_with_a_menu_is_in_it(window) -> None:
    for row in ALL_ROWS:
        if row.menu:
            assert window.actions_table[row.id] in window.menus[row.menu].actions()


def test_no_menu_is_higher_than_a_small_screen(window) -> None:
    heights = {name: menu.sizeHint().height() for name, menu in window.menus.items()}
    assert max(heights.values()) < 700, heights


def test_the_sheet_shows_every_key_and_the_mouse(window) -> None:
    sheet = ShortcutSheet(window)
    words = {label.text() for label in sheet.findChildren(QLabel)}
    assert {keys_of(row) for row in ALL_ROWS if row.keys} <= words
    assert {what for what, _ in MOUSE} <= words
    sheet.show()
    assert not sheet.findChild(QScrollArea).horizontalScrollBar().maximum(), (
        "as many columns as the screen has room for"
    )
    sheet.deleteLater()


def test_nothing_can_be_reduced_or_exported_before_a_series_is_open(window) -> None:
    table = window.actions_table
    assert not any(table[name].isEnabled() for name in ("reduce", "export", "cancel", "next_slice", "find_metal"))
    assert all(table[name].isEnabled() for name in ("open_folder", "open_demo", "shortcuts", "quit"))


def focus_places(window) -> dict[str, object]:
    return {
        "pane": window.grid.panes["result"],
        "list": window.series,
        "slider": window.side.metal.slider,
        "number": window.side.metal.margin,
        "chooser": window.side.method.chooser,
        "button": window.side.run.button,
    }


@pytest.mark.parametrize("place", ["pane", "list", "slider", "number", "chooser", "button"])
def test_keys_work_whatever_has_the_focus(opened, place: str) -> None:
    view = opened.session.view
    opened.activateWindow()
    widget = focus_places(opened)[place]
    widget.setFocus()
    QApplication.processEvents()
    view.go_to(3)

    def press(key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(QApplication.focusWidget() or widget, key, modifiers)

    press(Qt.Key.Key_Down)
    assert view.display.slice_number == 5
    press(Qt.Key.Key_Up)
    press(Qt.Key.Key_Up)
    assert view.display.slice_number == 3
    press(Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert view.display.slice_number == 7
    press(Qt.Key.Key_I)
    assert view.display.is_inverted
    press(Qt.Key.Key_M)
    assert not view.display.shows(Overlay.MASK)
    press(Qt.Key.Key_T)
    assert not view.display.shows(Overlay.TRACE)
    press(Qt.Key.Key_O)
    assert view.display.are_overlays_hidden
    press(Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert view.display.layout is Layout.MAR
    if place != "number":
        press(Qt.Key.Key_2)
        assert view.display.window == HuWindow(1500, -600)
        press(Qt.Key.Key_Home)
        assert view.display.slice_number == 1


def test_a_number_field_keeps_its_digits(opened) -> None:
    field = opened.side.metal.threshold
    opened.activateWindow()
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "650")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert field.value() == 650
    assert opened.session.view.display.window == HuWindow(400, 40)


def test_x_shows_the_original_while_held(reduced) -> None:
    pane, view = reduced.grid.panes["result"], reduced.session.view
    hu = reduced.session.original().values
    assert (pane.shown.values == hu + 10).all()
    reduced.activateWindow()
    pane.setFocus()
    QTest.keyPress(pane, Qt.Key.Key_X)
    assert view.display.is_original_held
    assert (pane.shown.values == hu).all()
    assert pane.title.text() == "Original"
    QTest.keyRelease(pane, Qt.Key.Key_X)
    assert not view.display.is_original_held
    assert (pane.shown.values == hu + 10).all()


def test_tab_goes_through_the_panes_in_view(opened) -> None:
    opened.session.view.update(layout=Layout.MAR)
    opened.activateWindow()
    opened.grid.panes["original"].setFocus()
    order = []
    for _ in range(4):
        QTest.keyClick(opened.grid.panes[opened.session.view.display.active], Qt.Key.Key_Tab)
        order.append(opened.session.view.display.active)
    assert order == ["sinogram", "prior", "result", "original"]


def test_jumps_to_slices_with_metal(opened) -> None:
    opened.session.view.go_to_number(1)
    opened.actions_table["next_metal"].trigger()
    assert opened.session.view.display.slice_number == 3
    opened.actions_table["previous_metal"].trigger()
    assert opened.session.view.display.slice_number == 3


def test_a_click_on_the_rail_goes_to_the_slice_there(opened) -> None:
    rail = opened.rail
    QTest.mouseClick(rail, Qt.MouseButton.LeftButton, pos=QPoint(8, 14))
    assert opened.session.view.display.slice_number == 1
    QTest.mouseClick(rail, Qt.MouseButton.LeftButton, pos=QPoint(8, rail.height() - 14))
    assert opened.session.view.display.slice_number == 7


def test_the_number_in_the_corner_counts_from_the_head(opened) -> None:
    corner = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
    opened.session.view.go_to(5)
    assert opened.grid.panes["original"].view._texts[corner].startswith("2 / 7")
