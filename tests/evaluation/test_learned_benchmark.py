"""The tables that benchmarks/learned.py prints beside those of `marview benchmark`."""

import dataclasses
import math

import pytest

from benchmarks.learned import against_li, ring_table
from marview.evaluation.results import INPUT, Results, Row, SliceRecord
from marview.metrics import Measures

NOTHING = Measures(**{each.name: math.nan for each in dataclasses.fields(Measures)})


def _row(method: str, hip: float, dental: float) -> Row:
    slices = [
        SliceRecord(f"demo-{kind}", k, 9, dataclasses.replace(NOTHING, ring_rmse_hu=error))
        for kind, error in (("hip", hip), ("dental", dental))
        for k in range(2)
    ]
    return Row(method, method.upper(), tuple(slices))


@pytest.fixture
def rows() -> list[Row]:
    return [_row(INPUT, 300, 600), _row("linear_interpolation", 220, 420), _row("nmar", 200, 400)]


def test_the_best_learned_method_is_held_against_nmar(rows):
    table = ring_table(Results("demo", (*rows, _row("first", 160, 330), _row("second", 140, 390))))
    assert "demo-hip: SECOND is 30.0% below NMAR and reaches the target of 25%." in table
    assert "demo-dental: FIRST is 17.5% below NMAR and falls 7.5% short of the target of 25%." in table
    assert "-30.0%" in table


def test_without_a_learned_method_there_is_no_verdict(rows):
    assert "target" not in ring_table(Results("demo", tuple(rows)))


def test_cases_in_which_a_method_is_worse_than_li_are_counted(rows):
    table = " ".join(against_li(Results("clinical", (*rows, _row("bad", 240, 430)))).split())
    assert "NMAR | 316.2 | 0 of 2 | -4.8% (demo-dental)" in table
    assert "BAD | 348.2 | 1 of 2 | +9.1% (demo-hip)" in table
