"""The Sensitivity layout with real mouse events: sweep, click a variant, draw line and region, export the table."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from marview.gui.sensitivity.measuring import Pen
from marview.session.display import Layout, Overlay
from marview.session.job import State
from marview.session.swept import ORIGINAL

LEFT = Qt.MouseButton.LeftButton


def press(qtbot, window, *, margins: str = "0, 1, 2") -> None:
    """Choose the layout and the margins, and press the button."""
    window.actions_table["layout_sensitivity"].trigger()
    bar = window.desk.bar
    bar.margins.setFocus()
    bar.margins.selectAll()
    QTest.keyClicks(bar.margins, margins)
    qtbot.mouseClick(bar.button, LEFT)


@pytest.fixture
def swept(opened, qtbot):
    opened.session.view.go_to(3)
    opened.desk.bar.slices.setCurrentIndex(1)
    press(qtbot, opened)
    qtbot.waitUntil(lambda: opened.session.sensitivity.swept is not None, timeout=20000)
    return opened


def pixel(window, point: tuple[float, float]) -> QPoint:
    """Where a point of the slice, (x, y) in mm, is on the main pane."""
    return window.grid.panes["variant"].view.viewportTransform().map(QPointF(*point)).toPoint()


def drag(window, start: tuple[float, float], end: tuple[float, float]) -> None:
    target = window.grid.panes["variant"].view.viewport()
    first, last = pixel(window, start), pixel(window, end)
    QTest.mousePress(target, LEFT, Qt.KeyboardModifier.NoModifier, first)
    for share in (0.3, 0.7, 1.0):
        QTest.mouseMove(target, first + (last - first) * share)
    QTest.mouseRelease(target, LEFT, Qt.KeyboardModifier.NoModifier, last)


def button(window, pen: Pen):
    return window.grid.panes["variant"].pens.findChildren(type(window.grid.panes["variant"].map))[list(Pen).index(pen)]


def test_a_sweep_started_by_a_click_fills_strip_plots_and_table(swept) -> None:
    desk, session = swept.desk, swept.session
    names = [ORIGINAL, "fake_+0mm", "fake_+1mm", "fake_+2mm"]
    assert session.view.display.layout is Layout.SENSITIVITY
    assert session.sensitivity.swept.result.slices == (2, 3, 4)
    assert [desk.strip.item(at).data(Qt.ItemDataRole.UserRole) for at in range(desk.strip.count())] == names
    assert not desk.strip.item(1).icon().isNull()
    assert desk.table.table.rowCount() == 4
    assert set(desk.profile.lines) == set(names)
    assert {"fake None", ORIGINAL} == set(desk.curve.lines)
    shown = swept.grid.panes["variant"].shown.values
    np.testing.assert_array_equal(shown, session.loaded.volume.hu[3] + 10)


def test_a_click_puts_a_variant_into_the_main_pane_and_x_shows_the_original(swept, qtbot) -> None:
    strip, pane, session = swept.desk.strip, swept.grid.panes["variant"], swept.session
    for name in ("fake_+2mm", ORIGINAL, "fake_+1mm"):
        item = strip.item_of(name)
        strip.scrollToItem(item)
        qtbot.mouseClick(strip.viewport(), LEFT, pos=strip.visualItemRect(item).center())
        assert session.sensitivity.variant == name
        expected = session.sensitivity.swept.picture(name, 3).values
        np.testing.assert_array_equal(pane.shown.values, expected)
        chosen = swept.desk.table.table.selectedItems()
        assert chosen[0].data(Qt.ItemDataRole.UserRole) == name
    assert "+1 mm" in pane.title.text()
    session.view.update(is_original_held=True)
    np.testing.assert_array_equal(pane.shown.values, session.loaded.volume.hu[3])


def test_a_row_of_the_table_puts_its_variant_into_the_main_pane(swept, qtbot) -> None:
    table = swept.desk.table.table
    qtbot.mouseClick(table.viewport(), LEFT, pos=table.visualItemRect(table.item(3, 0)).center())
    assert swept.session.sensitivity.variant == "fake_+2mm"
    assert swept.desk.strip.currentItem() is swept.desk.strip.item_of("fake_+2mm")


def test_a_slice_that_was_not_swept_shows_the_original_and_says_so(swept) -> None:
    swept.session.view.go_to(0)
    pane = swept.grid.panes["variant"]
    assert "does not include this slice" in pane.note.text()
    np.testing.assert_array_equal(pane.shown.values, swept.session.loaded.volume.hu[0])
    assert swept.desk.profile.lines == {}


def test_the_line_is_drawn_and_its_end_moved_with_the_mouse(swept, qtbot) -> None:
    sensitivity = swept.session.sensitivity
    qtbot.mouseClick(button(swept, Pen.LINE), LEFT)
    window = swept.session.view.display.window
    drag(swept, (-20.0, 12.0), (20.0, 12.0))
    assert sensitivity.line.start_mm == pytest.approx((-20, 12), abs=0.5)
    assert sensitivity.line.end_mm == pytest.approx((20, 12), abs=0.5)
    drag(swept, (20.0, 12.0), (0.0, -14.0))
    assert sensitivity.line.start_mm == pytest.approx((-20, 12), abs=0.5)
    assert sensitivity.line.end_mm == pytest.approx((0, -14), abs=0.5)
    x, _ = swept.desk.profile.lines["fake_+1mm"].getData()
    assert x[-1] == pytest.approx(np.hypot(20, 26), abs=1)
    assert swept.session.view.display.window == window


def test_the_region_is_drawn_and_moved_with_the_mouse_and_measured_at_once(swept, qtbot) -> None:
    sensitivity, table = swept.session.sensitivity, swept.desk.table.table
    qtbot.mouseClick(button(swept, Pen.REGION), LEFT)
    drag(swept, (-15.0, 5.0), (-5.0, 17.0))
    region = sensitivity.region
    assert region.slice_index == 3
    assert region.radii_mm == pytest.approx((5, 6), abs=0.6)
    assert table.item(0, 2).text() == "40.0"
    assert table.item(1, 2).text() == "50.0"
    drag(swept, region.middle_mm, (-8.0, -20.0))
    assert sensitivity.region.radii_mm == region.radii_mm
    assert sensitivity.region.middle_mm == pytest.approx((-8, -20), abs=0.6)
    assert table.item(0, 2).text() != "40.0"  # the region contains bone now
    assert swept.desk.curve.around.isVisible()
    qtbot.mouseClick(swept.desk.curve.around, LEFT)
    assert sensitivity.region is None


def test_the_map_lies_over_the_pane_with_its_scale(swept, qtbot) -> None:
    pane = swept.grid.panes["variant"]
    assert not pane.bar.isVisible()
    qtbot.mouseClick(pane.map, LEFT)
    assert swept.session.view.display.shows(Overlay.SPREAD)
    assert pane.bar.isVisible()
    assert pane.bar.strongest_hu > 0
    assert pane.view.overlay("spread").isVisible()
    swept.actions_table["spread"].trigger()
    assert not pane.bar.isVisible()


@pytest.mark.parametrize(("name", "kind"), [("sweep", "Table (*.csv)"), ("sweep.csv", ""), ("sweep.pdf", "")])
def test_the_table_is_exported(swept, qtbot, monkeypatch, tmp_path: Path, name: str, kind: str) -> None:
    said = []
    swept.session.messages.said.connect(lambda message: said.append(message.sentence))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / name), kind))
    qtbot.mouseClick(swept.desk.table.export, LEFT)
    qtbot.waitUntil(lambda: bool(said), timeout=10000)
    path = tmp_path / (name if "." in name else f"{name}.csv")
    assert path.name in said[-1]
    if path.suffix == ".csv":
        with path.open() as stream:
            rows = list(csv.DictReader(stream))
        assert [row["name"] for row in rows] == [ORIGINAL, "fake_+0mm", "fake_+1mm", "fake_+2mm"]


def test_a_sweep_survives_other_layouts(swept) -> None:
    before = swept.session.sensitivity.swept
    swept.actions_table["layout_mar"].trigger()
    assert not swept.desk.bar.isVisible()
    assert not swept.desk.strip.isVisible()
    assert swept.grid.panes["original"].isVisible()
    swept.actions_table["layout_sensitivity"].trigger()
    assert swept.session.sensitivity.swept is before
    assert swept.desk.strip.isVisible()
    assert swept.grid.panes["variant"].shown is not None


def test_progress_shows_and_cancel_changes_nothing(swept, qtbot, worker) -> None:
    before, bar = swept.session.sensitivity.swept, swept.desk.bar
    worker.gate.clear()
    press(qtbot, swept, margins="0, 3")
    qtbot.waitUntil(lambda: swept.session.sensitivity.job.state is State.RUNNING, timeout=10000)
    assert bar.bar.isVisible()
    assert not bar.button.isVisible()
    assert not swept.actions_table["reduce"].isEnabled()
    assert not swept.side.run.button.isEnabled()
    qtbot.mouseClick(bar.cancel, LEFT)
    qtbot.waitUntil(lambda: not swept.session.sensitivity.is_running, timeout=10000)
    assert swept.session.sensitivity.swept is before
    assert bar.button.isVisible()
    assert not bar.progress.isVisible()
    assert swept.actions_table["reduce"].isEnabled()


@pytest.mark.parametrize(("margins", "sentence"), [("a, b", "numbers"), ("1", "at least two")])
def test_an_invalid_sweep_is_reported_and_not_run(opened, qtbot, worker, margins, sentence) -> None:
    opened.session.view.go_to(3)
    press(qtbot, opened, margins=margins)
    assert sentence in opened.messages.text.text()
    assert not worker.requests


def test_without_metal_in_the_slice_or_at_all_nothing_is_run(opened, qtbot, worker) -> None:
    opened.session.view.go_to(0)
    press(qtbot, opened)
    assert "contains metal" in opened.messages.text.text()
    opened.session.metal.set_threshold(30000)
    qtbot.waitUntil(lambda: not opened.session.metal.is_busy)
    assert not opened.desk.bar.button.isEnabled()
    assert "No metal" in opened.desk.bar.text.text()
    assert not worker.requests


def test_several_methods_are_swept_together(opened, qtbot) -> None:
    opened.session.view.go_to(3)
    opened.desk.bar.methods.tick("other")
    press(qtbot, opened, margins="0")
    qtbot.waitUntil(lambda: opened.session.sensitivity.swept is not None, timeout=20000)
    assert opened.session.sensitivity.swept.result.methods == ("fake", "other")
    assert opened.session.sensitivity.swept.result.slices == (3,)


def test_with_a_sweep_every_layout_fits_a_small_screen(swept, qtbot) -> None:
    """1920 x 1080 at 150 % leaves 1280 x 640 beside title bar and task bar."""
    swept.resize(1280, 640)
    for layout in Layout:
        swept.commands.show_layout(layout)
        qtbot.wait(50)
        assert swept.height() <= 640, f"{layout} makes the window higher than the screen"
