"""The index of earlier studies is a cache, but a sound one is never deleted."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from marview.session import study_index
from marview.session.study_index import StudyIndex


@pytest.fixture
def file(tmp_path: Path) -> Path:
    index = StudyIndex(tmp_path / "own" / "studies.sqlite")
    assert (index.is_fresh, index.trouble) == (True, "")
    index.close()
    return tmp_path / "own" / "studies.sqlite"


def test_an_index_that_another_program_holds_is_kept_and_reported(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_index, "_OPENING_S", 0.1)
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        index = StudyIndex(file)
        assert "in use by another program" in index.trouble
        assert (index.find(), index.is_fresh) == ([], False)
        index.close()
        other.rollback()
    assert StudyIndex(file).trouble == ""


def test_an_index_of_a_newer_marview_is_kept_and_reported(file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA user_version = 99")
    before = file.read_bytes()
    index = StudyIndex(file)
    assert "newer version of marview" in index.trouble
    index.clear()
    index.close()
    assert file.read_bytes() == before


def test_an_index_with_other_columns_is_set_aside(file: Path) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("ALTER TABLE series DROP COLUMN picture")
    index = StudyIndex(file)
    assert (index.is_fresh, index.trouble, index.find()) == (True, "", [])


def test_a_damaged_index_is_set_aside_until_the_list_is_cleared(file: Path) -> None:
    file.write_bytes(b"not a database" * 1000)
    index = StudyIndex(file)
    aside = file.with_name("studies.sqlite.damaged")
    assert (index.is_fresh, index.trouble) == (True, "")
    assert aside.read_bytes().startswith(b"not a database")
    assert aside.stat().st_mode & 0o077 == 0
    index.clear()
    assert not aside.exists(), "it may hold names of patients"


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    index = StudyIndex(tmp_path / "file" / "studies.sqlite")
    assert "cannot be opened" in index.trouble
    assert index.find() == []
