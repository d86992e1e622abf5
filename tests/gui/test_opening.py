"""Opening studies, and the list of series."""

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton

from marview.session.settings import Settings


def test_nothing_open_is_an_invitation(window) -> None:
    assert window.empty.isVisible()
    assert not window.side.isVisible()
    assert [button.text() for button in (window.empty.open, window.empty.demo)] == [
        "Open a study",
        "Open the demo study",
    ]


def test_from_the_open_action(window, qtbot, monkeypatch, small_series) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(small_series))
    qtbot.mouseClick(window.empty.open, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.session.loaded is not None, timeout=10_000)
    assert not window.empty.isVisible()
    assert window.side.isVisible()
    assert window.windowTitle().startswith("Small series")


def test_a_cancelled_dialog_opens_nothing(window, monkeypatch) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    window.actions_table["open_folder"].trigger()
    window.actions_table["open_file"].trigger()
    assert window.session.settings.recent == []


def test_by_drag_and_drop(window, qtbot, small_series) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(small_series))])
    keys, buttons = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
    at = QPointF(200, 200)
    enter = QDragEnterEvent(at.toPoint(), Qt.DropAction.CopyAction, data, buttons, keys)
    window.dragEnterEvent(enter)
    assert enter.isAccepted()
    window.dropEvent(QDropEvent(at, Qt.DropAction.CopyAction, data, buttons, keys))
    qtbot.waitUntil(lambda: window.session.loaded is not None, timeout=10_000)


def test_from_the_recent_ones(make_window, worker, qtbot, small_series) -> None:
    settings = Settings(recent=[str(small_series), "/gone/long/ago"])
    window = make_window(make_worker=lambda: worker, listings=list, settings=settings)
    links = [button for button in window.empty.findChildren(QPushButton) if button.objectName() == "link"]
    assert len(links) == 1  # missing paths are not offered
    qtbot.mouseClick(links[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.session.loaded is not None, timeout=10_000)


def test_the_list_shows_series_and_a_click_chooses(opened, qtbot, fakes, tmp_path) -> None:
    opened.session.open(fakes.write_series(tmp_path / "b", "Second series", 2))
    qtbot.waitUntil(lambda: opened.session.loaded.series.description == "Second series", timeout=10_000)
    words = {label.text() for label in opened.series.findChildren(QLabel)}
    assert {"Small series", "Second series", "CT · 7 slices"} <= words
    assert any("TEST NOBODY" in text for text in words)
    row = next(row for row in range(opened.series.count()) if "Small" in str(opened.series.item(row).toolTip()))
    place = opened.series.visualItemRect(opened.series.item(row)).center()
    qtbot.mouseClick(opened.series.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: opened.session.loaded.series.description == "Small series", timeout=10_000)
    QTest.keyClick(opened, Qt.Key.Key_PageUp)
    qtbot.waitUntil(lambda: opened.session.loaded.series.description == "Second series", timeout=10_000)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "badge"),
    [("gantrytilting", "gantry tilt"), ("sliceincrement", "missing slice"), ("notavolume", "not a volume")],
)
def test_findings_are_badges_and_a_bad_series_cannot_be_reduced(window, qtbot, shared_data, name, badge) -> None:
    window.session.open(shared_data / "awkward_dicom" / "series_geometry" / name)
    qtbot.waitUntil(lambda: bool(window.session.library.entries), timeout=10_000)
    badges = {label.text() for label in window.series.findChildren(QLabel) if label.objectName() == "badge"}
    findings = [str(f.kind) for entry in window.session.library.entries for f in entry.report.findings]
    assert badge in findings
    assert badges & set(findings)
    qtbot.waitUntil(lambda: window.session.loaded is not None, timeout=10_000)
    assert not window.actions_table["reduce"].isEnabled()


def test_an_unreadable_path_gives_a_message_in_a_bar(window, qtbot, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    window.session.open(tmp_path / "nothing")
    qtbot.waitUntil(window.messages.isVisible, timeout=10_000)
    assert "nothing" in window.messages.text.text()
    assert window.messages.property("severity") == "error"
    assert window.isEnabled()


def test_a_series_whose_images_are_all_damaged_shows_the_start_page_and_a_mark(window, qtbot, fakes, tmp_path) -> None:
    window.session.open(fakes.damage_every_image(fakes.write_series(tmp_path / "bad", "Bad")))
    qtbot.waitUntil(window.messages.isVisible, timeout=10_000)
    assert "No slice of the series can be read" in window.messages.text.text()
    assert window.empty.isVisible()
    assert window.windowTitle() == "marview"
    badges = [label for label in window.series.findChildren(QLabel) if label.objectName() == "badge"]
    assert ("damaged slice", "error") in [(label.text(), label.property("kind")) for label in badges]


def test_lines_and_marks_fit_a_list_of_any_width(window, qtbot, fakes, tmp_path) -> None:
    folder = fakes.write_series(tmp_path / "bad")
    (folder / "link").symlink_to(tmp_path / "nowhere")
    window.session.open(folder)
    qtbot.waitUntil(lambda: window.session.loaded is not None, timeout=10_000)

    def is_fitting() -> bool:
        series = window.series
        line = series.itemWidget(series.item(series.count() - 1))
        (mark,) = (label for label in line.findChildren(QLabel) if label.objectName() == "badge")
        assert mark.text() == "skipped files"
        inside = mark.mapTo(line, mark.rect().topRight()).x() < line.width() < series.width()
        return inside and (mark.width() == mark.sizeHint().width()) == (series.width() > 200)

    for width in (400, 160, 236):
        window.panels.setSizes([width, 1200 - 312 - width, 312])
        qtbot.waitUntil(is_fitting, timeout=5000)
