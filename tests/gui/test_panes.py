"""Contents of the panes, with a fake worker."""

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from marview.gui.panes.result_words import CAUTION, caption
from marview.gui.panes.sinogram_pane import SETTLE_MS
from marview.session.display import Comparison, Layout, Overlay, SinogramPicture

LEFT = Qt.MouseButton.LeftButton


def test_the_original_is_shown_unchanged_with_its_mask(opened, fakes) -> None:
    opened.session.view.go_to(3)
    pane = opened.grid.panes["original"]
    np.testing.assert_array_equal(pane.shown.values, fakes.volume()[3])
    assert pane.view.overlay("mask").isVisible()
    assert "30" in pane.note.text()
    opened.session.view.go_to(0)
    assert not pane.view.overlay("mask").isVisible()
    opened.session.view.go_to(3)
    opened.session.view.toggle_overlay(Overlay.MASK)
    assert not pane.view.overlay("mask").isVisible()


def test_the_overlay_lies_on_the_metal(opened) -> None:
    opened.session.view.go_to(3)
    item = opened.grid.panes["original"].view.overlay("mask")
    image, mask = item._image, opened.session.metal.plane(3)
    painted = np.array(
        [[image.pixelColor(x, y).alpha() > 0 for x in range(mask.shape[1])] for y in range(mask.shape[0])]
    )
    np.testing.assert_array_equal(painted, mask)


def test_the_result_pane_says_that_there_is_none_yet(opened) -> None:
    pane = opened.grid.panes["result"]
    assert "no result yet" in pane.note.text()
    np.testing.assert_array_equal(pane.shown.values, opened.session.original().values)


def test_the_result_pane_says_how_it_was_made(reduced) -> None:
    pane = reduced.grid.panes["result"]
    first, second = pane.caption.lines
    for part in ("Fake method 2.1", "default parameters", "mask adaptive", "cpu", "1.5 s"):
        assert part in first
    assert second == CAUTION
    assert "review with the uncorrected images" in CAUTION
    assert pane.title.text() == "Fake method"
    assert caption(reduced.session.result) == pane.caption.lines


def test_the_title_names_the_method_that_made_the_pixels_of_a_slice(worker, opened, qtbot, fakes, tmp_path) -> None:
    worker.made_by = {4: "NMAR"}
    session, pane = opened.session, opened.grid.panes["result"]
    session.view.go_to(3)
    opened.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: session.result is not None and not session.runs.is_running, timeout=20000)
    titles = {}
    for z in (3, 4, 3, 0, 4):
        session.view.go_to(z)
        titles.setdefault(z, set()).add(pane.title.text())
    assert titles == {3: {"Fake method"}, 4: {"NMAR in place of Fake method"}, 0: {"Fake method"}}
    pane.title.repaint()
    assert pane.title.toolTip() == "NMAR in place of Fake method"
    session.view.update(is_original_held=True)
    assert pane.title.text() == "Original"
    session.view.update(is_original_held=False)
    session.open(fakes.write_series(tmp_path / "other", "Another series", 9))
    qtbot.waitUntil(lambda: pane.title.text() == "Result" and not session.refusal, timeout=20000)
    first = next(entry for entry in session.library.entries if entry.series.description == "Small series")
    session.library.choose(first)
    qtbot.waitUntil(lambda: session.result is not None and not session.refusal, timeout=20000)
    session.view.go_to(4)
    assert pane.title.text() == "NMAR in place of Fake method"


@pytest.mark.parametrize(("slice_index", "note"), [(3, ""), (0, "unchanged")])
def test_the_result_pane_says_what_a_slice_is(reduced, slice_index: int, note: str) -> None:
    reduced.session.view.go_to(slice_index)
    pane = reduced.grid.panes["result"]
    assert note in pane.note.text()
    assert bool(note) == bool(pane.note.text())


def test_the_result_pane_says_that_the_mask_has_changed(reduced, qtbot) -> None:
    session, pane = reduced.session, reduced.grid.panes["result"]
    session.view.go_to(3)
    session.metal.set_margin(3)
    qtbot.waitUntil(lambda: pane.note.text() == "with an earlier mask", timeout=5000)
    session.view.update(comparison=Comparison.DIFFERENCE)
    assert pane.note.text() == "with an earlier mask  ·  result minus original"
    session.view.update(comparison=Comparison.NONE)
    session.metal.set_margin(0)
    qtbot.waitUntil(lambda: not pane.note.text(), timeout=5000)


def test_a_slice_marked_after_the_run_is_not_called_free_of_metal(hand, reduced, qtbot) -> None:
    pane = reduced.grid.panes["result"]
    reduced.session.view.go_to(0)
    assert "no metal" in pane.note.text()
    reduced.actions_table["brush"].trigger()
    hand.stroke((20, 20), (20, 24))
    qtbot.waitUntil(lambda: "was not corrected" in pane.note.text(), timeout=5000)
    assert pane.title.text() == "Original"


def test_a_slice_that_waits_shows_the_original_and_says_so(opened, worker, qtbot) -> None:
    worker.gate.clear()
    opened.session.view.go_to(3)
    opened.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: bool(opened.session.result and opened.session.result.done))
    pane = opened.grid.panes["result"]
    np.testing.assert_array_equal(pane.shown.values, opened.session.original().values + 10)
    assert pane.title.text() != "Original"
    opened.session.view.go_to(4)
    assert "not corrected yet" in pane.note.text()
    assert (pane.title.text(), pane.caption.lines[0]) == ("Original", "")
    np.testing.assert_array_equal(pane.shown.values, opened.session.original().values)
    worker.gate.set()
    qtbot.waitUntil(lambda: not opened.session.runs.is_running)
    np.testing.assert_array_equal(pane.shown.values, opened.session.original().values + 10)


def test_the_difference_is_result_minus_original(reduced) -> None:
    reduced.session.view.compare(Comparison.DIFFERENCE)
    pane = reduced.grid.panes["result"]
    assert (pane.shown.values == 10).all()
    assert pane.view._image.levels.tolist() == [-200, 200]
    reduced.session.view.compare(Comparison.DIFFERENCE)
    assert pane.view._image.levels.tolist() == [-160, 240]


def test_the_swipe_shows_the_original_on_its_left(reduced) -> None:
    reduced.session.view.compare(Comparison.SWIPE)
    pane = reduced.grid.panes["result"]
    hu = reduced.session.original().values
    np.testing.assert_array_equal(pane.shown.values[:, :39], hu[:, :39])
    np.testing.assert_array_equal(pane.shown.values[:, 41:], hu[:, 41:] + 10)


def test_the_swipe_line_stays_until_the_mouse_or_a_key_moves_it(reduced, qtbot) -> None:
    QTest.keyClick(reduced, Qt.Key.Key_S)
    pane, view = reduced.grid.panes["result"], reduced.session.view
    hu, target = reduced.session.original().values, reduced.grid.panes["result"].view.viewport()
    width, window = target.width(), view.display.window
    for x in (width // 4, width // 2, width * 3 // 4):  # pointing moves nothing; the line shows a grip
        QTest.mouseMove(target, QPoint(x, 30))
        assert view.display.swipe == 0.5
        assert (target.cursor().shape() is Qt.CursorShape.SplitHCursor) == (x == width // 2)
    QTest.mousePress(target, LEFT, pos=QPoint(width // 2 + 2, 30))
    QTest.mouseMove(target, QPoint(width // 4, 80))
    assert view.display.swipe == pytest.approx(0.25, abs=0.01)
    QTest.mouseMove(target, QPoint(-40, 80))
    QTest.mouseRelease(target, LEFT, pos=QPoint(-40, 80))
    assert view.display.swipe == 0
    assert view.display.window == window
    np.testing.assert_array_equal(pane.shown.values[:, 12:], hu[:, 12:] + 10)  # columns of air to the left lie outside
    QTest.mouseMove(target, QPoint(width // 2, 80))
    assert view.display.swipe == 0  # released
    for _ in range(3):
        QTest.keyClick(reduced, Qt.Key.Key_Period)
    QTest.keyClick(reduced, Qt.Key.Key_Comma)
    assert view.display.swipe == pytest.approx(0.1)
    QTest.mousePress(target, LEFT, pos=QPoint(width // 2, 80))  # a drag beside the line changes the HU window
    QTest.mouseMove(target, QPoint(width // 2 + 40, 80))
    QTest.mouseMove(target, QPoint(width // 2 + 60, 80))
    QTest.mouseRelease(target, LEFT, pos=QPoint(width // 2 + 60, 80))
    assert view.display.window.width_hu > window.width_hu


def test_the_keys_of_the_swipe_line_are_off_without_a_swipe(reduced) -> None:
    action = reduced.actions_table["swipe_left"]
    assert not action.isEnabled()
    reduced.actions_table["swipe"].trigger()
    assert action.isEnabled()


def test_changed_pixels_are_marked_only_where_they_changed(reduced) -> None:
    item = reduced.grid.panes["result"].view.overlay("changed")
    assert not item.isVisible()
    reduced.session.view.toggle_overlay(Overlay.CHANGED)
    assert item.isVisible()
    reduced.session.view.go_to(0)
    assert not item.isVisible()


def test_the_prior_is_shown_or_why_there_is_none(reduced) -> None:
    reduced.session.view.update(layout=Layout.MAR)
    pane = reduced.grid.panes["prior"]
    assert pane.shown.values.shape == (416, 416)
    assert (pane.shown.values == 33).all()
    assert pane.shown.size_mm == pytest.approx((80.0, 80.0))
    reduced.session.view.go_to(0)
    assert pane.shown is None
    assert "no metal" in pane.note.text()


def test_a_method_without_a_prior_shows_what_it_subtracts(reduced, tmp_path) -> None:
    session = reduced.session
    session.view.update(layout=Layout.MAR)
    outputs, z = session.result.outputs, session.view.display.slice_index
    np.save(tmp_path / "artifact.npy", np.full((416, 416), -21.0, np.float32))
    outputs["artifact", z] = tmp_path / "artifact.npy"
    pane = reduced.grid.panes["prior"]
    pane.refresh()
    assert pane.title.text() == "Prior image"
    del outputs["prior", z]
    pane.refresh()
    assert pane.title.text() == "Artifact image"
    assert (pane.shown.values == -21).all()
    assert "subtracts" in pane.caption.lines[0]
    display = session.view.display
    assert pane.window_in_use(display) == display.difference_window
    session.view.go_to(0)
    assert pane.title.text() == "Prior image"
    assert pane.shown is None


def test_a_method_without_a_prior_is_waited_for_by_the_name_of_its_artifact_image(reduced) -> None:
    session = reduced.session
    session.view.update(layout=Layout.MAR)
    [fake] = [each for each in session.methods.listings if each.id == session.result.method]
    manifest = fake.manifest.model_copy(update={"outputs": ("artifact", "result")})
    session.methods.listings = (dataclasses.replace(fake, manifest=manifest),)
    session.result.outputs.clear()
    pane = reduced.grid.panes["prior"]
    pane.refresh()
    assert pane.title.text() == "Artifact image"
    assert pane.shown is None


def test_before_a_run_the_sinogram_of_the_slice_is_projected(opened, qtbot, fakes) -> None:
    opened.session.view.go_to(3)
    opened.session.view.update(layout=Layout.MAR)
    pane = opened.grid.panes["sinogram"]
    qtbot.waitUntil(lambda: bool(pane.available), timeout=5000)
    kinds = SinogramPicture
    assert pane.available == {kinds.ORIGINAL, kinds.FILLED, kinds.DIFFERENCE}
    qtbot.waitUntil(lambda: opened.session.traces.current is not None, timeout=5000)
    np.testing.assert_array_equal(pane.trace.sum(axis=1), 4 * 6)  # the fake marks four bins for each column of metal
    assert pane.view.overlay("trace").isVisible()
    assert pane.note.text().startswith("trace 3.7")
    opened.session.view.toggle_overlay(Overlay.TRACE)
    assert not pane.view.overlay("trace").isVisible()
    opened.session.view.go_to(0)
    qtbot.waitUntil(lambda: pane.trace is not None and not pane.trace.any(), timeout=5000)


def test_a_slice_that_the_run_leaves_out_is_projected_after_it(opened, worker, qtbot) -> None:
    opened.session.view.update(layout=Layout.MAR)
    pane = opened.grid.panes["sinogram"]
    worker.gate.clear()
    opened.session.view.go_to(3)
    opened.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: bool(opened.session.result and opened.session.result.done))
    opened.session.view.go_to(0)
    qtbot.wait(3 * SETTLE_MS)
    assert pane.note.text() == "waiting for the run"
    worker.gate.set()
    qtbot.waitUntil(lambda: bool(pane.available), timeout=5000)
    assert not opened.session.runs.is_running
    assert pane.note.text().startswith("trace 0.0")


def test_after_a_run_the_corrected_sinogram_is_there(reduced) -> None:
    reduced.session.view.update(layout=Layout.MAR)
    pane = reduced.grid.panes["sinogram"]
    reduced.session.view.update(sinogram=SinogramPicture.CORRECTED)
    np.testing.assert_allclose(pane.picture(SinogramPicture.CORRECTED), 4.5)
    np.testing.assert_allclose(pane.picture(SinogramPicture.DIFFERENCE), -0.5)
    assert (pane.view._image.image == 4500).all()


def test_pointing_links_points_to_sinusoids_and_bins_to_rays(reduced) -> None:
    session = reduced.session
    session.view.update(layout=Layout.MAR)
    original, sinogram = reduced.grid.panes["original"], reduced.grid.panes["sinogram"]
    original.view.gestures.pointed.emit(QPointF(150, 120), False)
    assert "sinusoid" in sinogram.view._marks
    original.view.left.emit()
    assert "sinusoid" not in sinogram.view._marks
    sinogram.view.gestures.pointed.emit(QPointF(sinogram.view.viewport().rect().center()), False)
    view, bin_ = session.view.display.pointed_ray
    assert view in {19, 20}
    assert bin_ == 20
    assert "ray" in original.view._marks
    sinogram.view.left.emit()
    assert "ray" not in original.view._marks


def test_the_probe_reads_the_data(reduced, fakes) -> None:
    session, pane = reduced.session, reduced.grid.panes["original"]
    at = pane.view.to_scene(QPointF(QPoint(200, 200)))
    session.view.update(pointed_mm=(at.x(), at.y()))
    row, column = session.original().index_at(at.x(), at.y())
    hu = int(fakes.volume()[3, row, column])
    words = reduced.statusBar().values.text()
    assert words.startswith(f"original {hu} HU   result {hu + 10} HU   (+10)")
    assert f"x {column}  y {row}  z 4" in words
    session.view.update(pointed_mm=(1e6, 0.0))
    assert reduced.statusBar().values.text() == ""


def test_the_status_line_warns_where_the_trace_covers_too_much(reduced, qtbot) -> None:
    assert reduced.guess.isVisible()
    assert "20%" in reduced.guess.text.text()
    assert "20%" in reduced.guess.text.toolTip()
    reduced.resize(1280, 800)
    for layout in (Layout.READ, Layout.MPR, Layout.SENSITIVITY, Layout.COMPARE):
        reduced.commands.show_layout(layout)
        qtbot.wait(20)
        assert reduced.guess.isVisible(), layout
        assert reduced.statusBar().rect().contains(reduced.guess.geometry()), "it covers no image"
    reduced.session.view.go_to(0)
    assert not reduced.guess.isVisible()


def test_pictures_side_by_side_have_the_same_size(reduced) -> None:
    original, result = (reduced.grid.panes[name].view.viewport().size() for name in ("original", "result"))
    assert abs(original.width() - result.width()) <= 1
    assert original.height() == result.height()
