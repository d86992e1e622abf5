"""Agreement of readers, against published values and simple laws."""

import math

import numpy as np
import pytest

from marview.metrics import intraclass_correlation, weighted_kappa

SHROUT_FLEISS = np.array([[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]], float)
"""Table 2 of Shrout & Fleiss 1979: four judges, six subjects."""


def test_icc_equals_the_published_example() -> None:
    assert intraclass_correlation(SHROUT_FLEISS) == pytest.approx(0.29, abs=0.005)


def test_kappa_equals_its_definition_on_a_table_of_counts() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(1, 6, (2, 80))
    counts = np.zeros((5, 5))
    np.add.at(counts, (one - 1, other - 1), 1)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    weights = np.square(np.subtract.outer(np.arange(5), np.arange(5)))
    wanted = 1 - (weights * counts).sum() / (weights * expected).sum()
    assert weighted_kappa(np.array([one, other], float)) == pytest.approx(wanted)


def test_equal_readers_agree_fully_and_opposite_readers_do_not() -> None:
    grades = np.array([1, 2, 3, 4, 5, 3], float)
    for measure in (weighted_kappa, intraclass_correlation):
        assert measure(np.array([grades, grades])) == pytest.approx(1)
        assert measure(np.array([grades, 6 - grades])) < 0


def test_a_reader_who_is_stricter_by_one_grade_agrees_less() -> None:
    grades = np.array([2, 3, 4, 5, 3, 2], float)
    for measure in (weighted_kappa, intraclass_correlation):
        assert 0 < measure(np.array([grades, grades - 1])) < 1


def test_items_that_one_reader_lacks_do_not_count() -> None:
    gap = np.column_stack([SHROUT_FLEISS, [1, np.nan, 9, 3]])
    assert intraclass_correlation(gap) == pytest.approx(intraclass_correlation(SHROUT_FLEISS))
    two = np.array([[1, 2, 5, np.nan], [1, 3, 5, 2]], float)
    assert weighted_kappa(two) == pytest.approx(weighted_kappa(two[:, :3]))


@pytest.mark.parametrize("table", [[[1, 2, 3]], [[3, 3, 3], [3, 3, 3]], [[1, np.nan], [np.nan, 2]], [[], []]])
def test_without_two_readers_or_any_difference_there_is_no_value(table: list[list[float]]) -> None:
    assert math.isnan(weighted_kappa(np.array(table, float)))
    assert math.isnan(intraclass_correlation(np.array(table, float)))
