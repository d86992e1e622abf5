"""A study counts as complete once it no longer changes."""

from pathlib import Path

import pytest

from marview.batch.watching import Inbox, size_of
from marview.errors import BadInput


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inbox(tmp_path: Path, clock: Clock) -> Inbox:
    return Inbox(tmp_path, 10.0, clock)


def test_a_study_is_corrected_once_it_no_longer_changes(tmp_path: Path, inbox: Inbox, clock: Clock) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "1.dcm").write_bytes(b"1")
    assert inbox.arrived() == []
    clock.now = 9
    (tmp_path / "study" / "2.dcm").write_bytes(b"22")
    assert inbox.arrived() == []
    clock.now = 18
    assert inbox.arrived() == []
    clock.now = 19
    assert inbox.arrived() == [tmp_path / "study"]
    clock.now = 90
    assert inbox.arrived() == []


def test_a_study_that_grows_later_is_corrected_again(tmp_path: Path, inbox: Inbox, clock: Clock) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK")
    inbox.arrived()
    clock.now = 10
    assert inbox.arrived() == [tmp_path / "a.zip"]
    (tmp_path / "a.zip").write_bytes(b"PK more")
    inbox.arrived()
    clock.now = 20
    assert inbox.arrived() == [tmp_path / "a.zip"]


def test_empty_and_hidden_arrivals_are_left_alone(tmp_path: Path, inbox: Inbox, clock: Clock) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / ".hidden").write_bytes(b"x")
    inbox.arrived()
    clock.now = 50
    assert inbox.arrived() == []


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be watched"):
        Inbox(tmp_path / "nowhere", 1.0).arrived()


def test_the_size_of_a_study_is_the_sum_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "1").write_bytes(b"12345")
    (tmp_path / "a" / "b" / "2").write_bytes(b"123")
    assert size_of(tmp_path / "a") == 8


def test_a_folder_that_was_moved_away_and_comes_back_is_corrected_again(
    tmp_path: Path, inbox: Inbox, clock: Clock
) -> None:
    study = tmp_path / "a.zip"
    study.write_bytes(b"PK")
    inbox.arrived()
    clock.now = 10
    assert inbox.arrived() == [study]
    study.rename(tmp_path / ".away")
    inbox.arrived()
    (tmp_path / ".away").rename(study)
    inbox.arrived()
    clock.now = 20
    assert inbox.arrived() == [study]
