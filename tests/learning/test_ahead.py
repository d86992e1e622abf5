"""Batches made in the background."""

import threading
import time

import pytest

from marview.errors import BadInput
from marview.learning.ahead import Ahead


def test_batches_come_in_their_order() -> None:
    with Ahead(lambda number: number, first=3, count=2) as ahead:
        assert [next(ahead) for _ in range(5)] == [3, 4, 5, 6, 7]


def test_they_are_made_by_another_thread_and_not_too_many() -> None:
    made: list[tuple[int, str]] = []

    def make(number: int) -> int:
        made.append((number, threading.current_thread().name))
        return number

    with Ahead(make, first=0, count=2) as ahead:
        next(ahead)
        time.sleep(0.2)
        assert len(made) <= 4
    assert {name for _, name in made} == {"pairs"}


def test_an_exception_is_raised_where_the_batch_is_awaited() -> None:
    def make(number: int) -> int:
        if number == 1:
            raise BadInput("no tissue.")
        return number

    with Ahead(make, first=0, count=1) as ahead:
        assert next(ahead) == 0
        with pytest.raises(BadInput, match="no tissue"):
            next(ahead)


def test_closing_ends_the_thread() -> None:
    ahead = Ahead(lambda number: number, first=0, count=1)
    next(ahead)
    ahead.close()
    assert not any(each.name == "pairs" and each.is_alive() for each in threading.enumerate())
