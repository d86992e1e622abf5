"""The panel of studies: patients, search, earlier studies, watched folders, through mouse and keys."""

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from marview.gui.elided_label import ElidedLabel
from marview.session.settings import Settings

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def archive(tmp_path: Path, fakes) -> Path:
    """Two studies of one patient, spelt differently, and one of another with the same identifier."""
    folder = tmp_path / "archive"
    fakes.write_series(folder / "old", "Hip old", study="old", patient=("MUSTER^ERIKA", "7"))
    fakes.write_series(folder / "new", "Hip new", study="new", patient=("Muster^Erika ", "7"))
    fakes.write_series(folder / "else", "Spine", study="else", patient=("OTHER^PERSON", "7"))
    return folder


def headings(window) -> list[str]:
    rows = [window.series.item(row) for row in range(window.series.count())]
    return [row.toolTip().split("\n")[0] for row in rows if not row.data(Qt.ItemDataRole.UserRole)]


def titles(window) -> list[str]:
    rows = [window.series.item(row) for row in range(window.series.count())]
    return [row.toolTip().split("\n")[0] for row in rows if row.data(Qt.ItemDataRole.UserRole)]


def row_of(window, title: str):
    rows = [window.series.item(row) for row in range(window.series.count())]
    return next(row for row in rows if row.toolTip().split("\n")[0] == title)


def click(qtbot, window, title: str) -> None:
    row = row_of(window, title)
    window.series.scrollToItem(row)
    qtbot.mouseClick(window.series.viewport(), LEFT, pos=window.series.visualItemRect(row).center())


def opened_with(make_window, worker, qtbot, tmp_path: Path, *paths: Path, settings: Settings | None = None):
    window = make_window(
        make_worker=lambda: worker, listings=list, settings=settings or Settings(), index=tmp_path / "own" / "i.sqlite"
    )
    if paths:
        window.session.open(*paths)
        qtbot.waitUntil(lambda: window.session.loaded is not None and not window.session.metal.is_busy, timeout=20_000)
    return window


def test_headings_end_in_an_ellipsis_where_the_list_is_narrow(make_window, worker, qtbot, archive, tmp_path) -> None:
    window = opened_with(make_window, worker, qtbot, tmp_path, archive / "old")
    window.show()
    lines = window.series.itemWidget(window.series.item(0)).findChildren(ElidedLabel)
    assert [line.text() for line in lines] == window.series.item(0).toolTip().split("\n")
    window.panels.setSizes([120, 900, 250])
    qtbot.waitUntil(lambda: all(line.width() < window.series.viewport().width() for line in lines))


def test_two_studies_of_one_patient_are_one_patient(make_window, worker, qtbot, archive, tmp_path) -> None:
    window = opened_with(make_window, worker, qtbot, tmp_path, archive)
    names = [words for words in headings(window) if "20" not in words[:2]]
    assert sorted(name.casefold() for name in names) == ["muster erika", "other person"]
    assert len(headings(window)) == 3, "the second study of the patient has a heading of its own"
    order = [entry.series.description for entry in window.session.library.entries]
    assert abs(order.index("Hip old") - order.index("Hip new")) == 1


def test_studies_opened_one_by_one_are_one_patient_too(make_window, worker, qtbot, archive, tmp_path) -> None:
    window = opened_with(make_window, worker, qtbot, tmp_path, archive / "old")
    for name in ("else", "new"):
        window.session.open(archive / name)
        qtbot.waitUntil(lambda name=name: len(window.session.library.entries) > (1 if name == "else" else 2))
    assert titles(window)[:2] in (["Hip new", "Hip old"], ["Hip old", "Hip new"])


def test_typing_narrows_the_list(make_window, worker, qtbot, archive, tmp_path) -> None:
    window = opened_with(make_window, worker, qtbot, tmp_path, archive)
    QTest.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.browser.search.hasFocus()
    QTest.keyClicks(window.browser.search, "erika new")
    assert titles(window) == ["Hip new"]
    window.browser.search.clear()
    assert len(titles(window)) == 3


def test_a_study_is_closed_from_its_menu(make_window, worker, qtbot, archive, tmp_path) -> None:
    window = opened_with(make_window, worker, qtbot, tmp_path, archive)
    row = row_of(window, "Spine")
    window.series.customContextMenuRequested.emit(window.series.visualItemRect(row).center())
    close_study = window.series.menu.actions()[1]
    qtbot.mouseClick(window.series.menu, LEFT, pos=window.series.menu.actionGeometry(close_study).center())
    assert sorted(entry.series.description for entry in window.session.library.entries) == ["Hip new", "Hip old"]
    qtbot.waitUntil(lambda: "Earlier studies" in headings(window), timeout=10_000)


def test_earlier_studies_are_found_and_opened_in_another_session(make_window, worker, qtbot, archive, tmp_path) -> None:
    first = opened_with(make_window, worker, qtbot, tmp_path, archive)
    qtbot.waitUntil(lambda: len(first.session.studies._index.find()) == 3, timeout=10_000)
    first._may_close = True
    first.close()
    window = opened_with(make_window, worker, qtbot, tmp_path)
    qtbot.waitUntil(lambda: len(titles(window)) == 3, timeout=10_000)
    assert window.browser.isVisible(), "earlier studies are in view before anything is open"
    QTest.keyClicks(window.browser.search, "other spine")
    qtbot.waitUntil(lambda: titles(window) == ["Spine"], timeout=10_000)
    click(qtbot, window, "Spine")
    qtbot.waitUntil(lambda: window.session.loaded is not None, timeout=20_000)
    assert window.session.loaded.series.description == "Spine"
    assert stat.S_IMODE((tmp_path / "own" / "i.sqlite").stat().st_mode) == 0o600


def test_an_earlier_study_without_files_is_reported_and_removed(make_window, worker, qtbot, archive, tmp_path) -> None:
    first = opened_with(make_window, worker, qtbot, tmp_path, archive / "else")
    qtbot.waitUntil(lambda: bool(first.session.studies._index.find()), timeout=10_000)
    first._may_close = True
    first.close()
    shutil.rmtree(archive / "else")
    window = opened_with(make_window, worker, qtbot, tmp_path)
    qtbot.waitUntil(lambda: titles(window) == ["Spine"], timeout=10_000)
    click(qtbot, window, "Spine")
    assert "no longer exists" in window.messages.text.text()
    qtbot.waitUntil(lambda: titles(window) == [], timeout=10_000)


def test_a_damaged_index_is_rebuilt_from_the_files(make_window, worker, qtbot, archive, tmp_path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "i.sqlite").write_bytes(b"not a database" * 1000)
    window = opened_with(
        make_window, worker, qtbot, tmp_path, settings=Settings(recent=[str(archive), str(tmp_path / "gone")])
    )
    qtbot.waitUntil(lambda: sorted(titles(window)) == ["Hip new", "Hip old", "Spine"], timeout=20_000)


def test_a_study_that_arrives_in_a_watched_folder_is_listed_and_leaves_what_is_in_view(
    make_window, worker, qtbot, archive, tmp_path, monkeypatch
) -> None:
    window = opened_with(make_window, worker, qtbot, tmp_path, archive / "else")
    studies = window.session.studies
    studies._look_s, studies._quiet_s = 0.05, 0.1
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(inbox))
    window.actions_table["watch_folder"].trigger()
    assert "inbox" in window.browser.watched.text()
    shutil.copytree(archive / "new", inbox / "new")
    qtbot.waitUntil(lambda: "Hip new" in titles(window), timeout=30_000)
    assert window.session.loaded.series.description == "Spine"
    studies.unwatch(str(inbox))
    assert not window.browser.watched.isVisible()


def test_several_paths_dropped_at_once_are_all_listed(make_window, worker, qtbot, archive, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    window = opened_with(make_window, worker, qtbot, tmp_path, archive / "old", tmp_path / "empty", archive / "else")
    assert sorted(titles(window)) == ["Hip old", "Spine"]
    assert "empty" in window.messages.text.text(), "the one without images is named"


def test_the_menu_of_the_list_empties_the_index(make_window, worker, qtbot, archive, tmp_path) -> None:
    window = opened_with(make_window, worker, qtbot, tmp_path, archive)
    index = window.session.studies._index
    qtbot.waitUntil(lambda: len(index.find()) == 3, timeout=10_000)
    window.browser.menu.popup(window.browser.mapToGlobal(QPoint(5, 5)))
    empty = window.browser.menu.actions()[-1]
    qtbot.mouseClick(window.browser.menu, LEFT, pos=window.browser.menu.actionGeometry(empty).center())
    assert index.find() == []
    assert b"MUSTER" not in (tmp_path / "own" / "i.sqlite").read_bytes().upper()


def test_an_index_of_a_newer_marview_is_reported_by_the_window(make_window, worker, qtbot, tmp_path) -> None:
    (tmp_path / "own").mkdir()
    with closing(sqlite3.connect(tmp_path / "own" / "i.sqlite")) as other:
        other.execute("PRAGMA user_version = 99")
    window = opened_with(make_window, worker, qtbot, tmp_path)
    qtbot.waitUntil(lambda: "newer version of marview" in window.messages.text.text(), timeout=10_000)
