"""Real mouse events in a pane of the real window."""

import math

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from marview.session.display import Layout
from marview.volume.window import HuWindow

LEFT, MIDDLE, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton, Qt.MouseButton.RightButton


def send(viewport, kind: QEvent.Type, at: QPoint, button, held, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    where = QPointF(at)
    event = QMouseEvent(kind, where, QPointF(viewport.mapToGlobal(at)), button, held, modifiers)
    QApplication.sendEvent(viewport, event)


def drag(viewport, button, start: QPoint, end: QPoint) -> None:
    send(viewport, QEvent.Type.MouseButtonPress, start, button, button)
    for share in (0.25, 0.5, 0.75, 1.0):
        at = start + (end - start) * share
        send(viewport, QEvent.Type.MouseMove, at, Qt.MouseButton.NoButton, button)
    send(viewport, QEvent.Type.MouseButtonRelease, end, button, Qt.MouseButton.NoButton)


def turn(viewport, notches: float, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    at = QPointF(viewport.rect().center())
    event = QWheelEvent(
        at,
        QPointF(viewport.mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, round(notches * 120)),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(viewport, event)


@pytest.fixture
def viewport(opened):
    opened.session.view.go_to(3)
    return opened.grid.panes["original"].view.viewport()


def test_left_drag_is_width_and_level(opened, viewport) -> None:
    drag(viewport, LEFT, QPoint(100, 100), QPoint(140, 120))
    window = opened.session.view.display.window
    assert window.width_hu > 400  # right: wider
    assert window.level_hu > 40  # down: darker
    drag(viewport, LEFT, QPoint(140, 120), QPoint(100, 100))
    assert opened.session.view.display.window.width_hu == pytest.approx(400, rel=0.1)


def test_a_click_without_a_drag_changes_nothing_but_the_focus(opened, viewport) -> None:
    before = opened.session.view.display
    drag(viewport, LEFT, QPoint(100, 100), QPoint(101, 100))
    assert opened.session.view.display.differing(before) <= {"active"}


def test_middle_drag_pans_with_the_mouse(opened, viewport) -> None:
    view = opened.grid.panes["original"].view
    grabbed = view.to_scene(QPointF(100, 100))
    drag(viewport, MIDDLE, QPoint(100, 100), QPoint(160, 70))
    now = view.to_scene(QPointF(160, 70))
    assert (now.x(), now.y()) == pytest.approx((grabbed.x(), grabbed.y()), abs=0.6)


def test_right_drag_zooms_around_where_it_began(opened, viewport) -> None:
    view = opened.grid.panes["original"].view
    fixed = view.to_scene(QPointF(90, 150))
    drag(viewport, RIGHT, QPoint(90, 150), QPoint(90, 90))
    assert opened.session.view.display.zoom > 1.2
    now = view.to_scene(QPointF(90, 150))
    assert (now.x(), now.y()) == pytest.approx((fixed.x(), fixed.y()), abs=0.6)


def test_the_wheel_scrolls_slices_and_with_ctrl_zooms_at_the_cursor(opened, viewport) -> None:
    """Wheel down goes towards the feet: the array of the series runs from the feet to the head."""
    view = opened.session.view
    assert (view.display.slice_index, view.display.slice_number) == (3, 4)
    turn(viewport, -1)
    assert (view.display.slice_index, view.display.slice_number) == (2, 5)
    turn(viewport, 2)
    assert view.display.slice_number == 3
    turn(viewport, 0.5)
    turn(viewport, 0.5)
    assert view.display.slice_number == 2
    turn(viewport, 1, Qt.KeyboardModifier.ControlModifier)
    assert view.display.slice_number == 2
    assert opened.session.view.display.zoom == pytest.approx(1.2)


def test_shift_and_move_set_the_linked_crosshair(opened, viewport) -> None:
    none = Qt.MouseButton.NoButton
    send(viewport, QEvent.Type.MouseMove, QPoint(120, 90), none, none)
    assert opened.session.view.display.cursor_mm is None
    assert opened.session.view.display.pointed_mm is not None
    send(viewport, QEvent.Type.MouseMove, QPoint(120, 90), none, none, Qt.KeyboardModifier.ShiftModifier)
    assert opened.session.view.display.cursor_mm == opened.session.view.display.pointed_mm


def test_double_click_maximises_and_restores(opened, viewport) -> None:
    QTest.mouseDClick(viewport, LEFT)
    assert opened.session.view.display.maximised == "original"
    assert not opened.grid.panes["result"].isVisible()
    QTest.mouseDClick(viewport, LEFT)
    assert opened.session.view.display.maximised == ""
    assert opened.grid.panes["result"].isVisible()


def test_right_click_asks_for_the_menu_and_a_right_drag_does_not(opened, viewport) -> None:
    asked = []
    opened.grid.panes["original"].view.gestures.menu_asked.disconnect()
    opened.grid.panes["original"].view.gestures.menu_asked.connect(asked.append)
    drag(viewport, RIGHT, QPoint(90, 150), QPoint(90, 90))
    assert asked == []
    drag(viewport, RIGHT, QPoint(90, 150), QPoint(90, 150))
    assert len(asked) == 1


def test_panes_are_linked(opened, viewport) -> None:
    opened.session.view.update(layout=Layout.MAR)
    drag(viewport, MIDDLE, QPoint(60, 60), QPoint(80, 90))
    original, result = (opened.grid.panes[name].view for name in ("original", "result"))
    a, b = (view.to_scene(QPointF(view.viewport().rect().center())) for view in (original, result))
    assert (a.x(), a.y()) == pytest.approx((b.x(), b.y()), abs=1.0)
    opened.session.set_preset(4)
    assert [view._image.levels.tolist() for view in (original, result)] == [[-770.0, 1730.0]] * 2
    assert opened.session.view.display.window == HuWindow(2500, 480)


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_turned_view_stays_fitted_however_often_it_is_resized_and_zoomed(opened, quarters, is_mirrored) -> None:
    """Qt's own fit of a turned view grows an error at every fit, until the window crashes."""
    view, session = opened.grid.panes["original"].view, opened.session
    view.set_turn(quarters, is_mirrored=is_mirrored)
    opened.grid.panes["original"].refresh()
    for number in range(40):
        opened.resize(1200 + 37 * (number % 5), 800 - 29 * (number % 3))
        QApplication.processEvents()
        session.view.zoom_at(1.1 if number % 2 else 1 / 1.1, (5.0, -3.0))
        area = view.viewport().rect()
        right = view.to_scene(QPointF(area.center()) + QPointF(10, 0)) - view.to_scene(QPointF(area.center()))
        down = view.to_scene(QPointF(area.center()) + QPointF(0, 10)) - view.to_scene(QPointF(area.center()))
        lengths = [math.hypot(step.x(), step.y()) for step in (right, down)]
        assert lengths[0] == pytest.approx(lengths[1], rel=0.02), "pixels are square on the screen"
        assert 0.01 < lengths[0] < 100
    middle = view.to_scene(QPointF(view.viewport().rect().center()))
    assert (middle.x(), middle.y()) == pytest.approx(session.view.display.centre_mm, abs=1.0)


def test_a_place_that_is_not_a_number_moves_nothing(opened) -> None:
    before = opened.session.view.display
    opened.session.view.zoom_at(1.2, (math.nan, 1.0))
    assert opened.session.view.display == before
