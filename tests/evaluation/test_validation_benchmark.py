"""benchmarks/validation.py reports rows without a result."""

import dataclasses
import sys
from pathlib import Path

import pytest

from benchmarks import validation
from marview.evaluation.results import INPUT, Results, Row, SliceRecord
from marview.metrics import Measures

MEASURES = Measures(**{each.name: 1.0 for each in dataclasses.fields(Measures)})


@pytest.fixture
def results() -> Results:
    slices = tuple(SliceRecord(f"case_{k}", 0, 9 * (k + 1), MEASURES) for k in range(5))
    return Results("small", (Row(INPUT, "Input", slices), Row("nmar", "Normalized MAR", ())))


def test_the_reason_for_a_missing_row_comes_last(results, capsys):
    refused = dataclasses.replace(results, failures=("nmar on case_0: it has no parameter 'nosuch'.",))
    assert validation.report(refused) == 1
    assert capsys.readouterr().err == "Without a result: nmar on case_0: it has no parameter 'nosuch'.\n"


def test_a_report_without_missing_rows_is_a_success(results, capsys):
    assert validation.report(results) == 0
    assert capsys.readouterr().err == ""


def test_an_unknown_method_is_refused_in_a_sentence(monkeypatch, tmp_path: Path, capsys):
    monkeypatch.setattr(validation, "list_cases", lambda *_, **__: [])
    monkeypatch.setattr(sys, "argv", ["validation", "--output", str(tmp_path / "out"), "--method", "nosuch"])
    assert validation.main() == 2
    assert "nosuch" in capsys.readouterr().err


def test_missing_cases_are_named(monkeypatch, tmp_path: Path, capsys):
    monkeypatch.setattr(validation, "DATA", tmp_path)
    monkeypatch.setattr(sys, "argv", ["validation", "--output", str(tmp_path / "out")])
    assert validation.main() == 3
    assert "validation.tif does not exist." in capsys.readouterr().err
