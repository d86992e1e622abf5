"""Ratings are added and never lost, and their summary equals a count by hand."""

import csv
import math
from pathlib import Path

import pytest

from marview.dicom.cannot_write import CannotWrite
from marview.errors import BadInput, UsageError
from marview.metrics import weighted_kappa
from marview.reader_study.ratings import Rating, RatingsFile
from marview.reader_study.study import ReaderStudy
from marview.reader_study.summary import ALL_METHODS, rated, scores


def test_a_changed_rating_is_a_further_line_and_the_last_one_counts(tmp_path: Path) -> None:
    file = RatingsFile(tmp_path / "ratings" / "anna.csv")
    file.add("0001", 3, 4)
    before = file.path.read_bytes()
    file.add("0002", 5, 5)
    file.add("0001", 2, 4)
    assert file.path.read_bytes().startswith(before)
    latest = file.latest()
    assert latest["0001"].grades == (2, 4)
    assert latest["0002"].grades == (5, 5)
    assert len(file.path.read_text(encoding="utf-8").splitlines()) == 4


def test_a_file_without_a_last_line_end_keeps_its_last_rating(tmp_path: Path) -> None:
    file = RatingsFile(tmp_path / "anna.csv")
    file.path.write_text("pair,readability,correctness,time\n0001,3,4,then", encoding="utf-8")
    file.add("0002", 1, 1)
    assert {pair: rating.grades for pair, rating in file.latest().items()} == {"0001": (3, 4), "0002": (1, 1)}


def test_ratings_that_cannot_be_written_leave_the_earlier_ones(tmp_path: Path, monkeypatch) -> None:
    file = RatingsFile(tmp_path / "anna.csv")
    file.add("0001", 3, 4)
    before = file.path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CannotWrite):
        file.add("0002", 1, 1)
    assert file.path.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["anna.csv"]


@pytest.mark.parametrize("line", ["0001,6,1,now", "0001,3,now", "0001,three,1,now"])
def test_a_line_that_is_not_a_rating_is_named(tmp_path: Path, line: str) -> None:
    file = RatingsFile(tmp_path / "anna.csv")
    file.path.write_text(f"pair,readability,correctness,time\n{line}\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"anna\.csv, line 2 is not a rating"):
        file.latest()


def test_two_windows_cannot_rate_for_one_reader(tmp_path: Path) -> None:
    file = RatingsFile(tmp_path / "ratings" / "anna.csv")
    with file.claimed(), pytest.raises(UsageError, match="Another window is open for the reader anna"), file.claimed():
        pass
    with file.claimed():
        pass


def test_grades_outside_the_scale_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="1 to 5"):
        Rating("0001", 0, 3)


def test_scores_equal_a_count_by_hand(study: ReaderStudy) -> None:
    of_readers = {"anna": {"nmar": (2, 3), "lga": (5, 4)}, "ben": {"nmar": (1, 3), "lga": (4, 4)}}
    for reader, grades in of_readers.items():
        file = RatingsFile(study.ratings_path(reader))
        for pair in study.order(reader):
            file.add(pair.id, *grades[pair.method])
    found = {(score.method, score.criterion): score for score in scores(study)}
    lga = found["lga", "readability"]
    assert (lga.readers, lga.ratings, lga.mean, lga.sd) == (2, 6, 4.5, 0.5)
    assert found["nmar", "correctness"].mean == 3
    assert math.isnan(found["nmar", "correctness"].kappa)  # all grades are the same
    together = found[ALL_METHODS, "readability"]
    assert (together.ratings, together.mean) == (12, 3)
    order = [pair.method for pair in study.pairs]
    grades = [[of_readers[reader][method][0] for method in order] for reader in ("anna", "ben")]
    assert together.kappa == pytest.approx(weighted_kappa(grades))
    assert found[ALL_METHODS, "correctness"].icc == pytest.approx(1)
    lines = list(rated(study))
    assert len(lines) == 12
    assert {"reader", "case", "slice", "method", "readability", "correctness", "time"} <= set(lines[0])


def test_a_study_that_nobody_rated_has_no_scores(study: ReaderStudy) -> None:
    assert all(score.ratings == 0 and math.isnan(score.mean) for score in scores(study))


def test_a_rated_line_can_be_read_as_csv(study: ReaderStudy) -> None:
    RatingsFile(study.ratings_path("anna")).add(study.pairs[0].id, 5, 1)
    with study.ratings_path("anna").open(encoding="utf-8") as stream:
        (line,) = csv.DictReader(stream)
    assert (line["pair"], line["readability"], line["correctness"]) == (study.pairs[0].id, "5", "1")
