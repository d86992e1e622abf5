"""Controls in the real window: the wheel, messages, and disabled actions that say why."""

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QDoubleSpinBox, QSpinBox

from marview.gui.label import TIP_CHARACTERS, tooltip, wrapped
from marview.gui.palette import colour
from marview.gui.shortcut_sheet import ShortcutSheet
from marview.session.display import Layout
from marview.session.exports import Format
from marview.session.sensitivity_choice import SweepChoice


def turn(widget, notches: int) -> None:
    at = QPointF(widget.rect().center())
    event = QWheelEvent(
        at,
        QPointF(widget.mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def test_the_wheel_changes_a_field_only_when_it_has_the_focus(opened, qtbot) -> None:
    margin, threshold = opened.side.metal.margin, opened.side.metal.threshold
    before = threshold.value()
    opened.activateWindow()
    opened.grid.panes["original"].setFocus()
    turn(margin, 1)
    turn(threshold, 1)
    turn(opened.side.metal.source, -1)
    turn(opened.side.metal.slider, 1)
    assert margin.value() == 0
    assert threshold.value() == before
    assert opened.side.metal.source.currentIndex() == 0
    margin.setFocus()
    turn(margin, 1)
    qtbot.waitUntil(lambda: margin.value() > 0 and not opened.session.metal.is_busy)


def test_no_field_takes_the_focus_from_the_wheel(opened) -> None:
    opened.session.view.update(layout=Layout.SENSITIVITY)
    QApplication.processEvents()
    for kind in (QSpinBox, QDoubleSpinBox, QComboBox):
        for field in opened.findChildren(kind):
            if field.isVisible():
                assert field.focusPolicy() != Qt.FocusPolicy.WheelFocus, field.accessibleName()


def test_opening_shows_the_slice_with_the_most_metal(window, qtbot, fakes, tmp_path) -> None:
    hu = fakes.volume()
    hu[5, 29:36, 37:45] = 3005
    window.session.open(fakes.write_series(tmp_path / "uneven", "Uneven", 3, hu))
    qtbot.waitUntil(lambda: window.session.metal.is_present, timeout=20000)
    assert window.session.view.display.slice_index == 5


def test_the_status_bar_shows_no_corrected_hu_while_a_slice_waits(reduced, worker, qtbot) -> None:
    session, bar = reduced.session, reduced.statusBar()
    session.view.update(pointed_mm=(0.0, 0.0))
    assert "result" in bar.values.text()
    worker.gate.clear()
    session.view.go_to(4)
    reduced.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: bool(session.result.done))
    session.view.go_to(3)
    assert "result" not in bar.values.text()
    worker.gate.set()
    qtbot.waitUntil(lambda: not session.runs.is_running)
    assert "(+10)" in bar.values.text()


def test_a_path_that_cannot_be_opened_is_not_recent(window, qtbot, tmp_path, small_series) -> None:
    empty = tmp_path / "nothing"
    empty.mkdir()
    window.session.open(empty)
    qtbot.waitUntil(window.messages.isVisible)
    assert window.session.settings.recent == []
    window.session.open(small_series)
    assert not window.messages.isVisible()  # its cause is gone
    qtbot.waitUntil(lambda: window.session.settings.recent == [str(small_series)], timeout=20000)


def test_the_consistency_overlay_says_why_it_is_disabled(reduced) -> None:
    action = reduced.actions_table["consistency"]
    assert not action.isEnabled()
    assert "MAR layout" in action.toolTip()
    reduced.session.result.outputs["consistency", 3] = reduced.session.result.outputs["sinogram", 3]
    reduced.session.view.update(layout=Layout.MAR)
    assert action.isEnabled()
    assert action.toolTip() == "Consistency  (Shift+K)"


def test_every_disabled_action_says_why(window) -> None:
    for row in window.actions_table.rows:
        action = window.actions_table[row.id]
        assert action.isEnabled() or "\n" in action.toolTip(), row.id


def test_a_derived_series_is_captioned_and_reduced_again_only_when_asked(reduced, qtbot, tmp_path) -> None:
    session = reduced.session
    session.exports.begin(session.loaded, session.result, session.view.display.window, Format.DICOM, tmp_path / "out")
    qtbot.waitUntil(lambda: not session.exports.is_running, timeout=20000)
    session.open(tmp_path / "out")
    qtbot.waitUntil(lambda: session.loaded.series.path.name == "out" and not session.refusal, timeout=20000)
    pane = reduced.grid.panes["original"]
    assert pane.caption.lines[0] == "Fake method of series 1"
    assert "Metal artifact reduction: Fake method 2.1, marview" in pane.caption.toolTip()
    reduced.actions_table["reduce"].trigger()
    assert "already corrected: Fake method of series 1" in reduced.questions.text.text()
    assert not session.runs.is_running
    qtbot.mouseClick(reduced.questions.yes, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.result is not None and not session.runs.is_running)


def test_a_margin_below_a_voxel_is_noted_in_table_plot_and_file(opened, qtbot, tmp_path) -> None:
    opened.session.view.update(layout=Layout.SENSITIVITY)
    opened.session.sweep(SweepChoice(("fake",), (0.0, 0.4, 1.0)))
    qtbot.waitUntil(lambda: opened.session.sensitivity.swept is not None, timeout=20000)
    table = opened.desk.table.table
    names = [table.item(row, 0).text() for row in range(table.rowCount())]
    assert names[1:] == ["0 mm", "+0.4 mm  (gives no new mask at 1 mm voxels)", "+1 mm"]
    assert "+0.4 mm gives no new mask at 1 mm voxels" in opened.desk.curve.where.text()
    opened.session.sensitivity.export(tmp_path / "sweep.csv", 3, opened.session.view.display.window)
    qtbot.waitUntil((tmp_path / "sweep.csv").exists)
    assert "gives no new mask at 1 mm voxels" in (tmp_path / "sweep.csv").read_text()


def test_long_tool_tips_are_wrapped() -> None:
    tip = wrapped("word " * 60 + "\nsecond line")
    assert max(map(len, tip.split("\n"))) <= TIP_CHARACTERS
    assert wrapped(tip) == tip, "a tip that is wrapped already stays as it is"
    assert wrapped(tooltip("word " * 60)) == tooltip("word " * 60)
    assert tip.endswith("\nsecond line")


def test_dropped_files_are_copies_and_the_window_says_so(window, qtbot, small_series) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(small_series))])
    actions = Qt.DropAction.CopyAction | Qt.DropAction.MoveAction
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier
    window.dragEnterEvent(QDragEnterEvent(QPoint(50, 50), actions, mime, buttons, keys))
    assert window.drop_hint.isVisible()
    drop = QDropEvent(QPointF(50, 50), actions, mime, buttons, keys)
    window.dropEvent(drop)
    assert drop.dropAction() == Qt.DropAction.CopyAction
    assert not window.drop_hint.isVisible()
    qtbot.waitUntil(lambda: window.session.loaded is not None, timeout=20000)


def test_menus_open_with_alt(window) -> None:
    titles = [action.text() for action in window.menuBar().actions()]
    assert titles == ["&File", "&View", "&Go", "M&easure", "&Metal", "&Help"]


def test_the_shortcut_sheet_fits_the_screen(window) -> None:
    sheet = ShortcutSheet(window)
    room = sheet.screen().availableGeometry()
    assert sheet.width() <= room.width()
    assert sheet.height() <= room.height()
    sheet.deleteLater()


def luminance(colour) -> float:
    channels = np.array([colour.redF(), colour.greenF(), colour.blueF()])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("ground", ["panel", "base"])
def test_the_caution_can_be_read(ground: str) -> None:
    bright, dark = luminance(colour("muted")), luminance(colour(ground))
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


def test_the_caution_is_never_cut_off(reduced) -> None:
    caption = reduced.grid.panes["result"].caption
    narrow = caption.fontMetrics().horizontalAdvance("Not for primary diagnosis.") + 20
    assert narrow <= reduced.grid.panes["result"].minimumWidth()
    assert caption.shown_second(narrow) == "Not for primary diagnosis."
    assert caption.shown_second(2000).startswith("Not for primary diagnosis; review")
