"""Measuring with mouse and keys: values come from the file, stay with the series and show the result's change."""

import csv

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from marview.session.display import Overlay
from marview.session.measurement import Kind
from marview.session.tools import Tool

HOSTILE = "<h1>Pelvis</h1> & <img src='file:///etc/hostname'>"

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


class Hand:
    """A mouse over a pane, in mm from the centre of the slice."""

    def __init__(self, window, name: str = "original") -> None:
        self.window = window
        self.pane = window.grid.panes[name]
        self.target = self.pane.view.viewport()

    def at(self, x_mm: float, y_mm: float) -> QPoint:
        return self.pane.view.viewportTransform().map(QPointF(x_mm, y_mm)).toPoint()

    def key(self, key: Qt.Key, modifiers=NONE) -> None:
        QTest.keyClick(self.pane, key, modifiers)

    def drag(self, *points: tuple[float, float]) -> None:
        QTest.mousePress(self.target, LEFT, NONE, self.at(*points[0]))
        for point in points[1:]:
            QTest.mouseMove(self.target, self.at(*point))
        QTest.mouseRelease(self.target, LEFT, NONE, self.at(*points[-1]))

    def click(self, x_mm: float, y_mm: float) -> None:
        QTest.mouseClick(self.target, LEFT, NONE, self.at(x_mm, y_mm))

    @property
    def labels(self) -> list[str]:
        return [text for _, text, _ in self.pane.view._labels.values()]


@pytest.fixture
def hand(opened) -> Hand:
    opened.activateWindow()
    made = Hand(opened)
    made.pane.setFocus()
    return made


def listed(hand: Hand):
    return hand.window.session.measures.listed


@pytest.mark.parametrize(
    ("key", "modifiers", "tool"),
    [
        (Qt.Key.Key_H, NONE, Tool.PROBE),
        (Qt.Key.Key_D, NONE, Tool.RULER),
        (Qt.Key.Key_A, NONE, Tool.ANGLE),
        (Qt.Key.Key_P, NONE, Tool.PROFILE),
        (Qt.Key.Key_E, SHIFT, Tool.ELLIPSE),
        (Qt.Key.Key_R, SHIFT, Tool.RECTANGLE),
        (Qt.Key.Key_F, SHIFT, Tool.REGION),
    ],
)
def test_every_tool_has_its_key_and_leaves_mask_and_trace_as_they_are(hand, key, modifiers, tool) -> None:
    hand.window.session.view.update(overlays=frozenset({Overlay.CHANGED}))
    hand.key(key, modifiers)
    assert hand.window.session.tools.settings.tool is tool
    assert hand.window.session.view.display.overlays == {Overlay.CHANGED}
    hand.key(key, modifiers)
    assert hand.window.session.tools.settings.tool is Tool.NONE


def test_a_ruler_shows_the_length(hand) -> None:
    hand.key(Qt.Key.Key_D)
    hand.drag((-10.0, -5.0), (0.0, 0.0), (20.0, 15.0))
    [ruler] = listed(hand)
    start, end = (hand.pane.view.to_scene(QPointF(hand.at(*point))) for point in ((-10.0, -5.0), (20.0, 15.0)))
    expected = ((end.x() - start.x()) ** 2 + (end.y() - start.y()) ** 2) ** 0.5
    assert ruler.length_mm == pytest.approx(expected, abs=0.1)
    assert hand.labels == [f"{expected:.1f} mm"]


def test_an_angle_is_three_clicks(hand) -> None:
    hand.key(Qt.Key.Key_A)
    hand.click(20.0, 0.0)
    hand.click(0.0, 0.0)
    assert listed(hand) == ()
    hand.click(0.0, 20.0)
    [angle] = listed(hand)
    assert angle.angle_deg == pytest.approx(90.0, abs=1.5)


def test_a_probe_reads_the_file_to_the_unit(hand, fakes) -> None:
    hand.key(Qt.Key.Key_H)
    hand.click(0.5, 0.5)
    row, column = hand.window.session.original().index_at(*listed(hand)[0].points[0])
    assert hand.labels == [f"{fakes.volume()[3, row, column]} HU"]


@pytest.mark.parametrize("key", [Qt.Key.Key_E, Qt.Key.Key_R, Qt.Key.Key_F])
def test_a_region_is_measured_in_the_original_and_with_its_change_in_the_result(hand, qtbot, key) -> None:
    window = hand.window
    window.session.view.go_to(3)
    window.actions_table["reduce"].trigger()
    qtbot.waitUntil(lambda: bool(window.session.results) and not window.session.runs.is_running)
    hand.key(key, SHIFT)
    hand.drag((10.0, 8.0), (16.0, 8.0), (16.0, 13.0), (11.0, 13.0))
    [region] = listed(hand)
    found = region.statistics(window.session.original())
    assert found.mean_hu == 40
    assert hand.labels[0].startswith("mean 40.0 HU\nSD 0.0   40 to 40")
    other = Hand(window, "result")
    assert other.labels[0].startswith("mean 50.0 HU (+10.0)")
    line = window.side.measures.list.item(0).text()
    assert f"{region.name}, slice 4: mean 40.0 HU → 50.0 HU (+10.0)" == line


def test_regions_can_be_drawn_in_the_result_too(reduced) -> None:
    other = Hand(reduced, "result")
    reduced.actions_table["ellipse"].trigger()
    other.drag((10.0, 8.0), (16.0, 13.0))
    assert [one.kind for one in reduced.session.measures.listed] == [Kind.ELLIPSE]


def test_an_end_is_moved_by_its_handle(hand) -> None:
    hand.key(Qt.Key.Key_D)
    hand.drag((-10.0, 0.0), (10.0, 0.0))
    hand.key(Qt.Key.Key_D)
    before = hand.window.session.view.display.window
    hand.drag((10.0, 0.0), (15.0, 0.0), (20.0, 0.0))
    [ruler] = listed(hand)
    assert ruler.length_mm == pytest.approx(30.0, abs=1.0)
    assert hand.window.session.view.display.window == before


def test_a_click_without_a_drag_measures_nothing(hand) -> None:
    for key, modifiers in ((Qt.Key.Key_D, NONE), (Qt.Key.Key_E, SHIFT)):
        hand.key(key, modifiers)
        hand.click(0.0, 0.0)
    assert listed(hand) == ()


def test_measurements_stay_with_slice_and_series(hand, qtbot, fakes, tmp_path) -> None:
    session = hand.window.session
    hand.key(Qt.Key.Key_D)
    hand.drag((-10.0, 0.0), (10.0, 0.0))
    session.view.go_to(5)
    assert hand.labels == []
    session.open(fakes.write_series(tmp_path / "other", "Other", 9))
    qtbot.waitUntil(lambda: session.loaded.series.description == "Other" and not session.refusal, timeout=20000)
    assert listed(hand) == ()
    assert not hand.window.side.measures.isVisible()
    session.library.choose_neighbour(1)
    qtbot.waitUntil(lambda: session.loaded.series.description == "Small series" and not session.refusal, timeout=20000)
    assert len(listed(hand)) == 1
    qtbot.mouseClick(hand.window.side.measures.list.viewport(), LEFT, pos=QPoint(20, 8))
    assert session.view.display.slice_index == 3
    assert session.unsaved == ["1 measurement, not exported"]


def test_removing_and_exporting(hand, qtbot, monkeypatch, tmp_path) -> None:
    window = hand.window
    hand.key(Qt.Key.Key_D)
    hand.drag((-10.0, 0.0), (10.0, 0.0))
    hand.drag((-10.0, 9.0), (10.0, 9.0))
    hand.key(Qt.Key.Key_Delete, SHIFT)
    assert len(listed(hand)) == 1
    hand.key(Qt.Key.Key_R, SHIFT)
    hand.drag((10.0, 8.0), (16.0, 13.0))
    file = tmp_path / "measures.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    qtbot.mouseClick(window.side.measures.export, LEFT)
    qtbot.waitUntil(lambda: window.session.unsaved == [])
    with file.open(encoding="utf-8") as stream:
        length, region = csv.DictReader(stream)
    assert float(length["length_mm"]) == pytest.approx(20.0, abs=1.0)
    assert (region["slice"], region["image"], region["mean_hu"]) == ("4", "Original", "40.0")


def test_a_profile_is_plotted_across_the_original_and_every_result(reduced, qtbot) -> None:
    hand = Hand(reduced)
    hand.key(Qt.Key.Key_P)
    hand.drag((-20.0, 0.0), (20.0, 0.0))
    assert reduced.profile.isVisible()
    assert list(reduced.profile.shown) == ["Original", "1 Fake method"]
    reduced.session.result.title = HOSTILE
    reduced.profile.refresh()
    named = [label.item.toPlainText() for _, label in reduced.profile.plot.getPlotItem().legend.items]
    assert named == ["Original", f"1 {HOSTILE}"]
    reduced.session.measures.remove()
    assert not reduced.profile.isVisible()


def test_escape_puts_the_tool_away(hand) -> None:
    hand.key(Qt.Key.Key_D)
    hand.key(Qt.Key.Key_Escape)
    assert hand.window.session.tools.settings.tool is Tool.NONE
    assert not hand.pane.view.gestures.is_tool_on
