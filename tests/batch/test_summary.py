"""Summaries have one row per study, even if its name contains odd characters."""

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from marview.batch.job import Job, State
from marview.batch.summary import as_csv, as_json_lines, print_table, write_summaries
from marview.dicom.cannot_write import CannotWrite
from marview.terminal import plain_output, terminal

ODD = Job(1, "key", Path("/in/a,\x1b[2J\udce9\nb"), "digest", 4, State.FAILED, "It is damaged.", notes=("one", "two"))


def test_a_printed_csv_has_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with plain_output():
        sys.stdout.write(as_csv([Job(1, "k", Path("/in/a"), "d", 4, State.DONE)]))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith(",notes")


def test_summaries_of_odd_names_can_be_written_and_read(tmp_path: Path) -> None:
    write_summaries([ODD], tmp_path)
    (row,) = csv.DictReader(io.StringIO((tmp_path / "summary.csv").read_text(encoding="utf-8"), newline=""))
    assert row["notes"] == "one two"
    record = json.loads((tmp_path / "summary.jsonl").read_text(encoding="utf-8"))
    assert record["input"] == str(ODD.source)
    assert json.loads(as_json_lines([ODD])) == record
    assert row["state"] == "failed"


def test_a_summary_that_cannot_be_written_says_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "summary.csv").mkdir()
    with pytest.raises(CannotWrite, match=r"summary\.csv cannot be written: .* are kept\. .* --resume"):
        write_summaries([ODD], tmp_path)


def test_a_name_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([ODD], terminal())
    out = capsys.readouterr().out
    assert "\x1b[2J" not in out
    assert "\\x1b[2J\\udce9\\nb" in out
