"""Planes through one crosshair, driven by mouse, wheel and keys."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from marview.session.display import Layout
from marview.volume.across import Slab

CORNER = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def planes(opened, qtbot):
    opened.resize(1200, 900)
    opened.activateWindow()
    QTest.keyClick(opened, Qt.Key.Key_4, Qt.KeyboardModifier.ControlModifier)
    assert opened.session.view.display.layout is Layout.MPR
    qtbot.waitUntil(lambda: opened.grid.panes["sagittal"].shown is not None)
    return opened


def pixel(pane, x_mm: float, y_mm: float) -> QPoint:
    return pane.view.viewportTransform().map(QPointF(x_mm, y_mm)).toPoint()


def turn(pane, notches: int) -> None:
    target = pane.view.viewport()
    at = QPointF(target.rect().center())
    event = QWheelEvent(
        at,
        QPointF(target.mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(target, event)


def drag(pane, start: QPoint, end: QPoint) -> None:
    target = pane.view.viewport()
    QTest.mousePress(target, LEFT, pos=start)
    QTest.mouseMove(target, (start + end) / 2)
    QTest.mouseMove(target, end)
    QTest.mouseRelease(target, LEFT, pos=end)


def index_of(window) -> list[int]:
    grid = window.session.loaded.volume.grid
    return np.rint(grid.to_index(window.session.crosshair.lps_mm)).astype(int).tolist()


def test_the_sections_are_the_voxels_of_the_file_with_the_head_up(planes, fakes) -> None:
    hu = fakes.volume()
    _, y, x = index_of(planes)
    np.testing.assert_array_equal(planes.grid.panes["coronal"].shown, hu[::-1, y, :])
    np.testing.assert_array_equal(planes.grid.panes["sagittal"].shown, hu[::-1, :, x])
    assert planes.grid.panes["coronal"].section.letters == ("R", "L", "H", "F")
    assert planes.grid.panes["sagittal"].section.letters == ("A", "P", "H", "F")


def test_the_wheel_moves_a_section_and_the_crosshair_follows(planes) -> None:
    z, y, x = index_of(planes)
    turn(planes.grid.panes["coronal"], -2)
    assert index_of(planes) == [z, y + 2, x]
    turn(planes.grid.panes["sagittal"], -1)
    assert index_of(planes)[2] == x - 1  # away from a viewer who stands on the left
    turn(planes.grid.panes["original"], -1)
    assert index_of(planes)[0] == z - 1


def test_the_crosshair_is_grabbed_in_a_section_and_moves_slice_and_point(planes) -> None:
    pane = planes.grid.panes["coronal"]
    before = planes.session.view.display.window
    x, y = pane.section.to_screen(planes.session.crosshair.lps_mm)
    drag(pane, pixel(pane, x, y), pixel(pane, x + 10.0, y + 4.0))
    assert planes.session.view.display.window == before  # the drag did not change the HU window
    z, _, column = index_of(planes)
    assert z == 1  # 4 mm towards the feet; slices are 2 mm apart
    assert column == pytest.approx(50, abs=1)


def test_the_crosshair_is_grabbed_in_the_axial_plane(planes) -> None:
    pane = planes.grid.panes["original"]
    x, y = planes.session.view.display.cursor_mm
    drag(pane, pixel(pane, x, y), pixel(pane, x - 8.0, y + 6.0))
    moved = planes.session.view.display.cursor_mm
    assert moved == pytest.approx((x - 8.0, y + 6.0), abs=0.5)
    assert planes.grid.panes["sagittal"].section.index == index_of(planes)[2]


def test_beside_the_crosshair_a_drag_is_width_and_level(planes) -> None:
    pane = planes.grid.panes["coronal"]
    before = planes.session.view.display.window
    drag(pane, QPoint(20, 20), QPoint(60, 20))
    assert planes.session.view.display.window.width_hu > before.width_hu


def test_sections_show_the_corrected_volume_and_the_original_while_x_is_held(planes, qtbot, fakes) -> None:
    hu = fakes.volume()
    planes.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: bool(planes.session.results) and not planes.session.runs.is_running)
    _, y, _ = index_of(planes)
    expected = hu[:, y, :].copy()
    expected[list(fakes.METAL_SLICES)] += 10
    pane = planes.grid.panes["coronal"]
    np.testing.assert_array_equal(pane.shown, expected[::-1])
    assert pane.note.text() == "corrected"
    QTest.keyPress(pane, Qt.Key.Key_X)
    np.testing.assert_array_equal(pane.shown, hu[::-1, y, :])
    QTest.keyRelease(pane, Qt.Key.Key_X)


def test_a_slab_is_projected_over_its_thickness(planes, fakes) -> None:
    hu = fakes.volume()
    _, y, _ = index_of(planes)
    QTest.keyClick(planes, Qt.Key.Key_M, Qt.KeyboardModifier.ShiftModifier)
    assert planes.session.view.display.slab is Slab.MIP
    pane = planes.grid.panes["coronal"]
    np.testing.assert_array_equal(pane.shown, hu[::-1, y - 5 : y + 6, :].max(axis=1))
    assert "MIP 10 mm" in pane.view._texts[CORNER]
    planes.actions_table["thicker"].trigger()
    assert "MIP 15 mm" in pane.view._texts[CORNER]
    planes.actions_table["slab_none"].trigger()
    np.testing.assert_array_equal(pane.shown, hu[::-1, y, :])


def test_the_oblique_section_takes_the_place_of_the_result_and_turns_by_keys(planes) -> None:
    QTest.keyClick(planes, Qt.Key.Key_O, Qt.KeyboardModifier.ShiftModifier)
    pane = planes.grid.panes["oblique"]
    assert pane.isVisible()
    assert not planes.grid.panes["result"].isVisible()
    assert pane.section.letters == ("R", "L", "H", "F")  # without a turn, it is the coronal plane
    for _ in range(18):
        QTest.keyClick(planes, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    assert pane.section.letters == ("A", "P", "H", "F")  # turned by 90 degrees, the sagittal plane
    assert "turned 90" in pane.view._texts[CORNER]
    QTest.keyClick(planes, Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert planes.session.view.display.oblique_deg == (90.0, 5.0)
    QTest.keyClick(planes, Qt.Key.Key_O, Qt.KeyboardModifier.ShiftModifier)
    assert planes.grid.panes["result"].isVisible()


def test_the_patient_is_named_in_the_corner_unless_hidden(planes) -> None:
    corner = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
    views = [planes.grid.panes[name].view for name in ("original", "coronal", "sagittal", "result")]
    for view in views:
        assert view._texts[corner].startswith("TEST NOBODY")
    QTest.keyClick(planes, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    for view in views:
        assert "TEST" not in " ".join(view._texts.values())


def test_place_and_thickness_are_in_the_corner(planes) -> None:
    planes.session.view.go_to(2)
    assert planes.grid.panes["original"].view._texts[CORNER] == "5 / 7\nH 4.0 mm  ·  2.0 mm"


def test_plane_actions_are_disabled_in_other_layouts(opened) -> None:
    assert not opened.actions_table["slab_mip"].isEnabled()
    assert "Planes" in opened.actions_table["slab_mip"].toolTip()
