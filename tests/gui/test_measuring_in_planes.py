"""Measuring in coronal, sagittal and oblique sections with mouse and keys, compared in every image, exported as SR."""

import highdicom
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from marview.session.display import Layout
from marview.session.measurement import Kind

LEFT = Qt.MouseButton.LeftButton
NONE, SHIFT, CONTROL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)


@pytest.fixture
def planes(opened, qtbot):
    opened.resize(1200, 900)
    opened.activateWindow()
    QTest.keyClick(opened, Qt.Key.Key_4, CONTROL)
    qtbot.waitUntil(lambda: opened.grid.panes["sagittal"].shown is not None)
    return opened


def drag(pane, *points: tuple[float, float]) -> None:
    target = pane.view.viewport()
    at: list[QPoint] = [pane.view.viewportTransform().map(QPointF(*point)).toPoint() for point in points]
    QTest.mousePress(target, LEFT, NONE, at[0])
    for one in at[1:]:
        QTest.mouseMove(target, one)
    QTest.mouseRelease(target, LEFT, NONE, at[-1])


def labels(pane) -> list[str]:
    return [text for _, text, _ in pane.view._labels.values()]


@pytest.mark.parametrize("name", ["coronal", "sagittal"])
def test_a_ruler_in_a_section_shows_the_length_in_the_patient(planes, name) -> None:
    pane = planes.grid.panes[name]
    QTest.keyClick(planes, Qt.Key.Key_D)
    drag(pane, (-12.0, 3.0), (0.0, 0.0), (9.0, -4.0))
    [ruler] = planes.session.measures.listed
    start, end = ruler.to_lps(planes.session.loaded.volume.grid)
    assert ruler.length_mm == pytest.approx(float(np.linalg.norm(end - start)), abs=1e-6)
    assert ruler.length_mm == pytest.approx(22.1, abs=0.5)  # accurate to a pixel of the screen
    assert labels(pane) == [f"{ruler.length_mm:.1f} mm"]
    assert labels(planes.grid.panes["original"]) == []


def test_it_is_seen_in_its_section_alone_and_a_click_in_the_list_returns_there(planes, qtbot) -> None:
    pane = planes.grid.panes["coronal"]
    QTest.keyClick(planes, Qt.Key.Key_D)
    drag(pane, (-12.0, 3.0), (9.0, -4.0))
    QTest.keyClick(planes, Qt.Key.Key_D)
    x, y, z = planes.session.crosshair.lps_mm
    planes.session.crosshair.move((x, y + 6.0, z))
    assert labels(pane) == []
    listed = planes.side.measures.list
    assert listed.item(0).text().startswith("Length 1, Coronal, ")
    qtbot.mouseClick(listed.viewport(), LEFT, pos=QPoint(20, 8))
    assert len(labels(pane)) == 1


def test_an_end_in_a_section_is_moved_by_its_handle(planes) -> None:
    pane = planes.grid.panes["sagittal"]
    QTest.keyClick(planes, Qt.Key.Key_D)
    drag(pane, (-12.0, 3.0), (9.0, 3.0))
    QTest.keyClick(planes, Qt.Key.Key_D)
    drag(pane, (9.0, 3.0), (12.0, 3.0), (18.0, 3.0))
    [ruler] = planes.session.measures.listed
    assert ruler.length_mm == pytest.approx(30.0, abs=0.6)


def test_an_angle_and_a_region_in_the_oblique_section(planes) -> None:
    QTest.keyClick(planes, Qt.Key.Key_O, SHIFT)
    for _ in range(4):
        QTest.keyClick(planes, Qt.Key.Key_Right, CONTROL)
    pane = planes.grid.panes["oblique"]
    QTest.keyClick(planes, Qt.Key.Key_A)
    target = pane.view.viewport()
    for point in ((10.0, 0.0), (0.0, 0.0), (0.0, 5.0)):
        QTest.mouseClick(target, LEFT, NONE, pane.view.viewportTransform().map(QPointF(*point)).toPoint())
    QTest.keyClick(planes, Qt.Key.Key_E, SHIFT)
    drag(pane, (-8.0, -4.0), (4.0, 4.0))
    angle, region = planes.session.measures.listed
    assert angle.angle_deg == pytest.approx(90.0, abs=2.0)
    assert region.kind is Kind.ELLIPSE
    assert region.area_mm2 == pytest.approx(np.pi * 6 * 4, rel=0.1)
    assert len(labels(pane)) == 2
    QTest.keyClick(planes, Qt.Key.Key_Right, CONTROL)
    assert labels(pane) == []  # the plane has changed


def test_a_region_in_a_section_has_a_row_and_a_histogram_for_every_image(planes, qtbot) -> None:
    planes.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: bool(planes.session.results) and not planes.session.runs.is_running)
    pane = planes.grid.panes["coronal"]
    QTest.keyClick(planes, Qt.Key.Key_R, SHIFT)
    drag(pane, (-10.0, -4.0), (10.0, 4.0))
    details = planes.side.measures.details
    first, second = details.rows
    assert (first[0], second[0]) == ("Original", "1 Fake method")
    assert float(second[2]) == pytest.approx(float(second[1]) - float(first[1]), abs=0.11)
    assert float(second[2]) > 0  # slices with metal are 10 HU higher
    assert details.isVisible()
    assert len(details.plot.listDataItems()) == 2
    assert "(+" in labels(pane)[0]
    QTest.keyClick(planes, Qt.Key.Key_D)
    drag(pane, (-12.0, 3.0), (9.0, 3.0))
    assert not details.isVisible()


def test_all_measurements_are_exported_as_a_dicom_report(planes, qtbot, monkeypatch, tmp_path) -> None:
    QTest.keyClick(planes, Qt.Key.Key_R, SHIFT)
    drag(planes.grid.panes["coronal"], (-10.0, -4.0), (10.0, 4.0))
    QTest.keyClick(planes, Qt.Key.Key_D)
    drag(planes.grid.panes["original"], (-10.0, 12.0), (10.0, 12.0))
    file = tmp_path / "measures"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), "DICOM SR (*.dcm)"))
    qtbot.mouseClick(planes.side.measures.export, LEFT)
    qtbot.waitUntil(lambda: planes.session.unsaved == [], timeout=20000)
    report = highdicom.sr.srread(file.with_suffix(".dcm"))
    [region] = report.content.get_planar_roi_measurement_groups()
    [line] = report.content.get_image_measurement_groups()
    rectangle, ruler = planes.session.measures.listed
    grid = planes.session.loaded.volume.grid
    corners = region.roi.value[:4]
    np.testing.assert_allclose(corners[[0, 2]], rectangle.to_lps(grid), atol=1e-3)
    assert line.get_measurements()[0].value == pytest.approx(ruler.length_mm, abs=0.01)
    assert planes.session.view.display.layout is Layout.MPR
