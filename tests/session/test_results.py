"""Laws of the results of all series: each change of the list is announced."""

import numpy as np

from marview.session.plane_store import PlaneStore
from marview.session.result import KeptMask, Result
from marview.session.results import Results


def made(series: str) -> Result:
    mask = KeptMask(np.zeros((2, 3, 4), bool), [])
    return Result("li", "Linear interpolation", "1.0", {}, 0.0, "", (0, 1), mask, PlaneStore(), series=series)


def test_a_result_in_view_before_it_was_listed_is_announced_when_listed() -> None:
    results, told = Results(), []
    results.turn_to("a")
    result = made("a")
    results.show(result)
    results.changed.connect(lambda: told.append(list(results.of_series)))

    results.keep(result)
    results.keep(result)

    assert told == [[result]]


def test_a_result_of_a_series_out_of_view_is_listed_without_a_word() -> None:
    results, told = Results(), []
    results.turn_to("a")
    results.changed.connect(lambda: told.append("changed"))

    results.keep(made("b"))

    assert told == []
    assert len(results.of("b")) == 1
