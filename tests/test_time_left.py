"""Time left: from finished work, known late, never rising for long."""

import pytest

from marview.time_left import TimeLeft


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_nothing_is_known_before_work_is_finished(clock: Clock) -> None:
    left = TimeLeft(clock)
    for _ in range(100):
        clock.now += 10
        left.note(0.0)
        assert left.seconds is None
    left.note(0.5)
    assert left.seconds == pytest.approx(1000)


def test_a_first_instant_or_a_first_trace_of_work_says_nothing(clock: Clock) -> None:
    left = TimeLeft(clock)
    clock.now += 0.1
    left.note(0.5)
    assert left.seconds is None
    left = TimeLeft(clock)
    clock.now += 50
    left.note(0.01)
    assert left.seconds is None


@pytest.mark.parametrize("batch", [1, 8, 32])
def test_it_falls_while_work_comes_in_batches_of_one_speed(clock: Clock, batch: int) -> None:
    left, seen = TimeLeft(clock), []
    for second in range(1, 320):
        clock.now += 1
        left.note(second // batch * batch / 320)
        if left.seconds is not None:
            seen.append(left.seconds)
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == pytest.approx(320 - max(batch, 7), abs=1)
    assert seen[-1] < 2


def test_slow_beginnings_and_a_machine_that_becomes_busy_raise_it_once_at_a_note_and_not_between(clock: Clock) -> None:
    left, rises, before = TimeLeft(clock), 0, None
    for second in range(1, 501):
        clock.now += 1
        if second <= 100 or second % 4 == 0:
            left.note(min(second, 100) / 200 + max(0, second - 100) / 800)
        now = left.seconds
        assert now is not None or second < 5
        if before is not None and now is not None and now > before:
            rises += 1
            assert second > 100
            assert second % 4 == 0
        before = now
    assert rises
    assert before == pytest.approx(0, abs=1)


def test_what_was_finished_before_says_nothing_of_the_speed(clock: Clock) -> None:
    left = TimeLeft(clock)
    left.restart(0.9)
    assert left.seconds is None
    clock.now += 10
    left.note(0.95)
    assert left.seconds == pytest.approx(10)
    left.note(0.2)
    assert left.seconds == pytest.approx(10), "work is not undone"
