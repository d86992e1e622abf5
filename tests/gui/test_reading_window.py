"""The window of a reader study, driven by keys and mouse."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from marview.gui.reading_window import ReadingWindow
from marview.gui.style import sheet_applied_last
from marview.reader_study.making import make_study
from marview.reader_study.ratings import RatingsFile
from marview.reader_study.study import ReaderStudy
from marview.session.presets import preset_of_key

LEFT = Qt.MouseButton.LeftButton
NO_MODIFIER, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def study(tmp_path: Path, fakes) -> ReaderStudy:
    hu = fakes.volume()
    fakes.write_series(tmp_path / "original", hu=hu)
    rows = ["case,method,original,corrected,slices"]
    for method, change in (("secret_one", 10), ("secret_two", 20)):
        fakes.write_series(tmp_path / method, hu=hu + change)
        rows.append(f"hip,{method},original,{method},3 4")
    (tmp_path / "cases.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return make_study(tmp_path / "cases.csv", tmp_path / "study", seed=1)


@pytest.fixture
def read(qtbot, study: ReaderStudy) -> Iterator[Callable[[], ReadingWindow]]:
    """Opens the window for the reader anna, with the keyboard in it."""
    windows: list[ReadingWindow] = []

    def open_window() -> ReadingWindow:
        with sheet_applied_last():
            window = ReadingWindow(study, "anna")
        windows.append(window)
        window.show()
        qtbot.waitExposed(window)
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield open_window
    for window in windows:
        window.close()
        window.deleteLater()


def press(window: ReadingWindow, *keys: Qt.Key, modifier: Qt.KeyboardModifier = NO_MODIFIER) -> None:
    for key in keys:
        QTest.keyClick(window, key, modifier)


def grades(study: ReaderStudy, reader: str = "anna") -> list[tuple[int, int] | None]:
    """Saved grades in the order of the reader."""
    latest = RatingsFile(study.ratings_path(reader)).latest()
    return [latest[pair.id].grades if pair.id in latest else None for pair in study.order(reader)]


def test_a_whole_study_is_rated_with_the_keys_alone(read, study: ReaderStudy) -> None:
    window = read()
    for readability in (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_5):
        press(window, readability, Qt.Key.Key_4, Qt.Key.Key_Right)
    assert grades(study) == [(1, 4), (2, 4), (3, 4), (5, 4)]
    assert window.is_complete
    assert "All pairs are graded" in window.progress.text()


def test_the_mouse_rates_too(read, study: ReaderStudy) -> None:
    window = read()
    assert not window.next.isEnabled()
    QTest.mouseClick(window.rows[1].buttons[2], LEFT)
    assert not window.next.isEnabled()
    QTest.mouseClick(window.rows[0].buttons[4], LEFT)
    QTest.mouseClick(window.next, LEFT)
    assert grades(study)[:2] == [(4, 2), None]
    assert window.progress.text().startswith("Pair 2 of 4")
    assert [row.grade for row in window.rows] == [None, None]


def test_nothing_in_the_window_names_a_method(read, study: ReaderStudy) -> None:
    window = read()
    shown = [window.windowTitle()]
    for child in window.findChildren(object):
        shown += [str(getattr(child, name)()) for name in ("text", "toolTip", "accessibleName") if hasattr(child, name)]
    shown += [text for view in window.pictures.views for text in view._texts.values()]
    assert any("Corrected" in text for text in shown)
    assert not any("secret" in text for text in shown)


def test_a_pair_without_both_grades_is_not_passed_over(read, study: ReaderStudy) -> None:
    window = read()
    press(window, Qt.Key.Key_Right, Qt.Key.Key_3, Qt.Key.Key_Return)
    assert window.progress.text().startswith("Pair 1 of 4")
    assert grades(study) == [None] * 4


def test_going_back_shows_the_grades_and_a_change_is_added(read, study: ReaderStudy) -> None:
    window = read()
    press(window, Qt.Key.Key_2, Qt.Key.Key_4, Qt.Key.Key_Right, Qt.Key.Key_Left)
    assert [row.grade for row in window.rows] == [2, 4]
    press(window, Qt.Key.Key_Down, Qt.Key.Key_5, Qt.Key.Key_Right)
    assert grades(study)[0] == (2, 5)
    lines = study.ratings_path("anna").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[1:3] for line in lines[1:]] == [["2", "4"], ["2", "5"]]
    press(window, Qt.Key.Key_Backspace, Qt.Key.Key_Right)
    assert len(study.ratings_path("anna").read_text(encoding="utf-8").splitlines()) == 3


def test_after_a_break_the_reader_continues_at_the_first_pair_without_grades(read, study: ReaderStudy) -> None:
    window = read()
    press(window, Qt.Key.Key_2, Qt.Key.Key_4, Qt.Key.Key_Right, Qt.Key.Key_3, Qt.Key.Key_3)
    window.close()
    assert grades(study)[:3] == [(2, 4), (3, 3), None]
    again = read()
    assert again.progress.text().startswith("Pair 3 of 4")
    press(again, Qt.Key.Key_Left)
    assert [row.grade for row in again.rows] == [3, 3]


def test_the_hu_window_follows_keys_mouse_and_list_in_both_slices(read) -> None:
    window = read()
    press(window, Qt.Key.Key_4, modifier=CONTROL)
    bone = preset_of_key(4)
    assert bone is not None
    assert window.display.display.window == bone.window
    assert window.window_box.currentText() == bone.title
    assert [row.grade for row in window.rows] == [None, None]
    view = window.pictures.views[1]
    start = view.viewport().rect().center()
    QTest.mousePress(view.viewport(), LEFT, pos=start)
    QTest.mouseMove(view.viewport(), start + QPoint(40, 0))
    QTest.mouseRelease(view.viewport(), LEFT, pos=start + QPoint(40, 0))
    wider = window.display.display.window
    assert wider.width_hu > bone.window.width_hu
    for each in window.pictures.views:
        assert tuple(each._image.levels) == (wider.low_hu, wider.high_hu)


def test_a_rating_that_cannot_be_saved_keeps_the_pair_in_view(read, study: ReaderStudy, monkeypatch) -> None:
    window = read()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        press(window, Qt.Key.Key_2, Qt.Key.Key_4, Qt.Key.Key_Right)
        assert window.progress.text().startswith("Pair 1 of 4")
        assert window.trouble.isVisible()
        assert not window.close()
    press(window, Qt.Key.Key_Right)
    assert grades(study)[0] == (2, 4)
    assert not window.trouble.isVisible()


def test_a_damaged_pair_is_named_and_cannot_be_rated(read, study: ReaderStudy) -> None:
    damaged = study.order("anna")[0]
    (study.folder / "images" / f"{damaged.id}.npz").unlink()
    window = read()
    assert damaged.id in window.trouble.text()
    press(window, Qt.Key.Key_2, Qt.Key.Key_4)
    assert not window.next.isEnabled()
