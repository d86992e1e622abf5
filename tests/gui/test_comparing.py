"""Comparing original and result, pictures of panes, and bars that do not move the images."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from marview.session.display import Comparison, Layout
from marview.session.messages import Severity


def test_flicker_shows_original_and_result_in_turn(reduced, qtbot) -> None:
    pane, hu = reduced.grid.panes["result"], reduced.session.original().values
    pane.setFocus()
    QTest.keyClick(pane, Qt.Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert reduced.session.view.display.comparison is Comparison.FLICKER
    qtbot.waitUntil(lambda: np.array_equal(pane.shown.values, hu))
    assert pane.title.text() == "Original"
    qtbot.waitUntil(lambda: np.array_equal(pane.shown.values, hu + 10))
    reduced.actions_table["flicker"].trigger()
    qtbot.waitUntil(lambda: not pane._flicker.isActive())
    assert np.array_equal(pane.shown.values, hu + 10)


def test_blend_is_the_mean_and_the_checkerboard_takes_turns(reduced) -> None:
    pane, hu = reduced.grid.panes["result"], reduced.session.original().values
    reduced.actions_table["blend"].trigger()
    np.testing.assert_array_equal(pane.shown.values, hu + 5)
    reduced.actions_table["checkerboard"].trigger()
    change = pane.shown.values - hu
    assert set(np.unique(change)) == {0, 10}
    assert change[0, 0] == 0
    assert change[0, 10] == 10
    assert abs(float((change == 0).mean()) - 0.5) < 0.1


def test_a_pane_is_copied_and_saved_as_displayed(reduced, qtbot, monkeypatch, tmp_path) -> None:
    pane = reduced.grid.panes["result"]
    pane.setFocus()
    qtbot.waitUntil(lambda: reduced.session.view.display.active == "result")
    reduced.actions_table["copy_picture"].trigger()
    copied = QApplication.clipboard().pixmap()
    assert copied.size() == pane.view.grab().size()
    for name in ("a.png", "b.tif"):
        file = tmp_path / name
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, file=file: (str(file), ""))
        reduced.actions_table["save_picture"].trigger()
        assert QImage(str(file)).size() == copied.size()


def test_a_picture_is_not_written_over_a_file_that_was_read(reduced, monkeypatch, small_series) -> None:
    original = sorted(small_series.iterdir())[0]
    before = original.read_bytes()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(original), ""))
    reduced.actions_table["save_picture"].trigger()
    assert original.read_bytes() == before
    assert reduced.messages.isVisible()


def test_bars_lie_over_the_images_and_do_not_move_them(opened) -> None:
    view = opened.grid.panes["original"].view
    before = view.mapTo(opened, view.rect().topLeft()), view.size()
    opened.session.messages.say(Severity.WARNING, "A warning that stays until it is closed.")
    QApplication.processEvents()
    assert opened.messages.isVisible()
    assert opened.messages.height() > 20
    assert (view.mapTo(opened, view.rect().topLeft()), view.size()) == before
    opened.messages.hide()
    QApplication.processEvents()
    assert not opened.bars.isVisible()


@pytest.mark.parametrize("layout", [Layout.READ, Layout.MPR, Layout.SCENE, Layout.SENSITIVITY])
def test_bars_do_not_cover_the_name_of_the_patient(reduced, layout) -> None:
    reduced.session.view.update(layout=layout)
    reduced.session.messages.say(Severity.WARNING, "A warning that stays until it is closed.")
    QApplication.processEvents()
    first = next(reduced.grid.panes[name] for name in reduced.grid.places)
    name = 2 * first.body.fontMetrics().lineSpacing()
    assert reduced.bars.mapTo(reduced, QPoint(0, 0)).y() >= first.body.mapTo(reduced, QPoint(0, 0)).y() + name


def test_the_method_stays_beside_the_button_that_runs_it(opened) -> None:
    opened.resize(1000, 500)
    QApplication.processEvents()
    for widget in (opened.side.method.chooser, opened.side.run.button):
        assert not widget.visibleRegion().isEmpty()


def test_the_difference_has_a_window_of_its_own_and_a_scale(reduced) -> None:
    pane = reduced.grid.panes["result"]
    assert not pane.scale_bar.isVisible()
    reduced.actions_table["difference"].trigger()
    assert pane.scale_bar.labels == ("-200", "0", "+200 HU")
    assert pane.scale_bar.isVisible()
    window = reduced.session.view.display.window
    target = pane.view.viewport()
    start = target.rect().center()
    QTest.mousePress(target, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(target, start + QPoint(20, 0))
    QTest.mouseMove(target, start + QPoint(55, 0))
    QTest.mouseRelease(target, Qt.MouseButton.LeftButton, pos=start + QPoint(55, 0))
    wider = reduced.session.view.display.difference_window
    assert wider.width_hu > 440
    assert wider.level_hu == 0
    assert reduced.session.view.display.window == window
    assert pane.scale_bar.window_hu == wider
    reduced.actions_table["difference"].trigger()
    assert not pane.scale_bar.isVisible()


def test_bars_leave_the_controls_of_a_sweep_free(opened, qtbot) -> None:
    opened.session.view.update(layout=Layout.SENSITIVITY)
    opened.session.messages.say(Severity.WARNING, "Something to read.")
    controls = opened.desk.bar
    below = controls.mapTo(opened, controls.rect().bottomLeft()).y()
    qtbot.waitUntil(lambda: opened.bars.mapTo(opened, QPoint(0, 0)).y() > below, timeout=3000)
    opened.session.view.update(layout=Layout.READ)
    qtbot.waitUntil(lambda: opened.bars.mapTo(opened, QPoint(0, 0)).y() <= below, timeout=3000)
