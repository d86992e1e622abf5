"""The commands of reader studies."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from marview.reader_study.ratings import RatingsFile
from marview.reader_study.study import ReaderStudy


@pytest.fixture
def folder(marview: Callable, metal_series: Path, tmp_path: Path) -> Path:
    """A study in which the uncorrected series stands in for a result."""
    table = tmp_path / "cases.csv"
    table.write_text(f"case,method,original,corrected,slices\npins,copy,{metal_series},{metal_series},3 4\n")
    answer = marview("study", "new", tmp_path / "study", "--cases", table)
    assert answer.exit_code == 0, answer.err
    assert "2 pairs" in answer.out
    return tmp_path / "study"


def test_grades_and_agreement_go_to_the_terminal_and_to_csv(marview: Callable, folder: Path, tmp_path: Path) -> None:
    study = ReaderStudy.open(folder)
    for reader, grades in {"anna": [(1, 2), (4, 5)], "ben": [(2, 2), (4, 5)]}.items():
        for pair, (readability, correctness) in zip(study.pairs, grades, strict=True):
            RatingsFile(study.ratings_path(reader)).add(pair.id, readability, correctness)
    answer = marview("study", "summary", folder, "--output", tmp_path / "tables")
    assert answer.exit_code == 0, answer.err
    assert "| copy" in answer.out
    assert "anna rated 2 of 2 pairs" in answer.err
    with (tmp_path / "tables" / "summary.csv").open(encoding="utf-8") as stream:
        lines = {(line["method"], line["criterion"]): line for line in csv.DictReader(stream)}
    assert float(lines["copy", "readability"]["mean"]) == 2.75
    assert float(lines["copy", "correctness"]["kappa"]) == 1
    with (tmp_path / "tables" / "ratings.csv").open(encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) == 4
    record = marview("study", "summary", folder, "--json").record
    assert record["readers"] == ["anna", "ben"]
    assert record["scores"][0]["ratings"] == 4


def test_a_study_without_grades_is_summarised_as_empty(marview: Callable, folder: Path, tmp_path: Path) -> None:
    answer = marview("study", "summary", folder, "--json")
    assert answer.record["scores"][0]["mean"] is None
    answer = marview("study", "summary", folder, "--output", tmp_path / "tables")
    assert answer.exit_code == 3
    assert "has been rated yet" in answer.err
    assert not (tmp_path / "tables").exists()


def test_rating_without_a_display_is_refused(marview: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marview.commands.window.has_display", lambda: False)
    answer = marview("study", "read", folder, "--reader", "anna")
    assert answer.exit_code == 2
    assert "This machine has no display" in answer.err
    assert not (folder / "ratings").exists()


def test_a_reader_whose_window_is_open_is_refused(marview: Callable, folder: Path) -> None:
    with RatingsFile(ReaderStudy.open(folder).ratings_path("anna")).claimed():
        answer = marview("study", "read", folder, "--reader", "Anna")
    assert answer.exit_code == 2
    assert "Another window is open for the reader anna" in answer.err


def test_a_folder_that_is_not_a_study_is_refused(marview: Callable, tmp_path: Path) -> None:
    answer = marview("study", "summary", tmp_path)
    assert answer.exit_code == 3
    assert "marview study new" in answer.err
