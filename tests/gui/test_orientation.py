"""Turning, mirroring, playing and interpolating, with keys on the real window."""

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtTest import QTest

from marview.session.picture import turned_letters

CONTROL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton
EDGES = (
    Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
    Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter,
    Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignHCenter,
)


@pytest.fixture
def pane(opened):
    opened.activateWindow()
    found = opened.grid.panes["original"]
    found.setFocus()
    return found


def letters(pane) -> tuple[str, ...]:
    return tuple(pane.view._texts[edge] for edge in EDGES)


def direction(pane, x_mm: float, y_mm: float) -> tuple[int, int]:
    """Where a step in the slice goes on the screen: signs of (right, down)."""
    to_pixels = pane.view.viewportTransform()
    step = to_pixels.map(QPointF(x_mm, y_mm)) - to_pixels.map(QPointF(0, 0))
    return round(np.sign(round(step.x(), 3))), round(np.sign(round(step.y(), 3)))


def press(pane, key, modifiers=CONTROL_SHIFT) -> None:
    QTest.keyClick(pane, key, modifiers)


def test_a_slice_is_rotated_by_quarters_with_its_letters_and_fits(pane) -> None:
    assert letters(pane) == ("R", "L", "A", "P")
    press(pane, Qt.Key.Key_Right)
    assert direction(pane, 1, 0) == (0, 1)  # the patient's left is down
    assert letters(pane) == ("P", "A", "R", "L")
    corners = [pane.view.viewportTransform().map(QPointF(x, y)) for x, y in ((-28, -28), (28, 28))]  # the body
    area = pane.view.viewport().rect().adjusted(-1, -1, 1, 1)
    assert all(area.contains(corner.toPoint()) for corner in corners)
    press(pane, Qt.Key.Key_Left)
    assert letters(pane) == ("R", "L", "A", "P")


def test_flipping_mirrors_what_is_shown_whatever_its_rotation(pane) -> None:
    press(pane, Qt.Key.Key_H)
    assert direction(pane, 1, 0) == (-1, 0)
    assert letters(pane) == ("L", "R", "A", "P")
    press(pane, Qt.Key.Key_Right)
    before = letters(pane)
    press(pane, Qt.Key.Key_V)
    after = letters(pane)
    assert after == (before[0], before[1], before[3], before[2])
    press(pane, Qt.Key.Key_R, Qt.KeyboardModifier.NoModifier)
    assert letters(pane) == ("R", "L", "A", "P")


@pytest.mark.parametrize(("quarters", "is_mirrored"), list(itertools.product(range(4), (False, True))))
def test_letters_follow_the_picture(pane, opened, quarters, is_mirrored) -> None:
    opened.session.view.update(quarters=quarters, is_mirrored=is_mirrored)
    ways = {"L": (1, 0), "R": (-1, 0), "P": (0, 1), "A": (0, -1)}
    places = {(-1, 0): 0, (1, 0): 1, (0, -1): 2, (0, 1): 3}
    expected = [""] * 4
    for letter, (x, y) in ways.items():
        expected[places[direction(pane, x, y)]] = letter
    assert letters(pane) == tuple(expected)
    assert turned_letters(("R", "L", "A", "P"), quarters, is_mirrored=is_mirrored) == tuple(expected)


def test_the_probe_reads_the_pixel_under_the_mouse_of_a_turned_slice(pane, opened, fakes) -> None:
    press(pane, Qt.Key.Key_Right)
    press(pane, Qt.Key.Key_H)
    at = pane.view.viewportTransform().map(QPointF(0.5, 0.5)).toPoint()
    QTest.mouseMove(pane.view.viewport(), at)
    z = opened.session.view.display.slice_index
    assert opened.statusBar().values.text().startswith(f"{fakes.volume()[z, 32, 40]} HU")


@pytest.mark.parametrize("quarters", range(4))
def test_a_swipe_divides_a_turned_result_at_the_line_on_the_screen(reduced, quarters) -> None:
    view = reduced.session.view
    view.update(quarters=quarters)
    reduced.actions_table["swipe"].trigger()
    view.update(swipe=0.5)
    pane = reduced.grid.panes["result"]
    shown = pane.shown.values
    changed = shown != reduced.session.original().values
    rows, columns = np.nonzero(changed)
    assert len(rows)
    for row, column in zip(rows[:50], columns[:50], strict=True):
        point = pane.view.viewportTransform().map(QPointF(*pane.shown.point_at(row, column)))
        assert point.x() >= pane.view.viewport().width() / 2 - 6  # the result lies to the right of the line
    assert 0.2 < changed.mean() < 0.8


def test_pixels_are_smooth_or_squares(pane, opened) -> None:
    hint = QPainter.RenderHint.SmoothPixmapTransform
    assert pane.view.renderHints() & hint
    press(pane, Qt.Key.Key_I)
    assert not pane.view.renderHints() & hint
    opened.actions_table["layout_mpr"].trigger()
    assert not opened.grid.panes["coronal"].view.renderHints() & hint


def test_the_slices_play_from_the_last_back_to_the_first(pane, opened, qtbot) -> None:
    opened.session.view.go_to_number(6)
    press(pane, Qt.Key.Key_P, SHIFT)
    assert opened.actions_table["cine"].isChecked()
    seen: set[int] = set()

    def has_wrapped() -> bool:
        seen.add(opened.session.view.display.slice_number)
        return {7, 1, 2} <= seen

    qtbot.waitUntil(has_wrapped, timeout=10000)
    press(pane, Qt.Key.Key_P, SHIFT)
    number = opened.session.view.display.slice_number
    qtbot.wait(250)
    assert opened.session.view.display.slice_number == number


@pytest.fixture
def planes(opened, qtbot):
    opened.resize(1200, 900)
    opened.activateWindow()
    QTest.keyClick(opened, Qt.Key.Key_4, CONTROL)
    QTest.keyClick(opened, Qt.Key.Key_O, SHIFT)
    qtbot.waitUntil(lambda: opened.grid.panes["oblique"].shown is not None)
    return opened


def drag(pane, start: QPointF, end: QPointF) -> None:
    target = pane.view.viewport()
    QTest.mousePress(target, LEFT, pos=start.toPoint())
    QTest.mouseMove(target, ((start + end) / 2).toPoint())
    QTest.mouseMove(target, end.toPoint())
    QTest.mouseRelease(target, LEFT, pos=end.toPoint())


def test_the_oblique_section_is_turned_by_its_ring_in_the_axial_plane(planes) -> None:
    pane = planes.grid.panes["original"]
    centre = pane.view.viewportTransform().map(QPointF(*planes.session.view.display.cursor_mm))
    _, right = pane.oblique_line.handles
    drag(pane, right, centre + QPointF(80.0, 80.0))
    assert planes.session.view.display.oblique_deg == pytest.approx((45.0, 0.0), abs=1.5)
    _, right = pane.oblique_line.handles
    away = right - centre
    assert away.x() == pytest.approx(away.y(), rel=0.1)


def test_it_is_tilted_by_its_ring_in_the_sagittal_plane(planes) -> None:
    pane = planes.grid.panes["sagittal"]
    point = pane.section.to_screen(planes.session.crosshair.lps_mm)
    centre = pane.view.viewportTransform().map(QPointF(*point))
    top, _ = sorted(pane.oblique_line.handles, key=lambda at: at.y())
    drag(pane, top, centre + QPointF(60.0, -60.0))  # its upper end moves towards the back
    turn, tilt = planes.session.view.display.oblique_deg
    assert (turn, abs(tilt)) == pytest.approx((0.0, 45.0), abs=1.5)
    normal = planes.grid.panes["oblique"].section.normal
    assert abs(float(normal @ np.array([0.0, 1.0, 1.0]))) < 0.05  # the drawn line lies in the plane


def test_without_an_oblique_section_there_is_no_ring(planes) -> None:
    QTest.keyClick(planes, Qt.Key.Key_O, SHIFT)
    assert planes.grid.panes["original"].oblique_line.handles is None
    window = planes.session.view.display.window
    centre = planes.grid.panes["original"].view.viewport().rect().center()
    drag(planes.grid.panes["original"], QPointF(centre + QPoint(90, 60)), QPointF(centre + QPoint(130, 60)))
    assert planes.session.view.display.window != window
