"""Time left: estimated from finished work, shown once it is reliable, rarely rising."""

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


def test_the_start_of_short_work_does_not_announce_minutes(clock: Clock) -> None:
    left = TimeLeft(clock)
    clock.now += 12  # a process starts
    left.note(0.02)
    assert left.seconds is None
    clock.now += 2
    left.note(0.1)
    assert left.seconds == pytest.approx(126)


@pytest.mark.parametrize("batch", [1, 8, 32])
def test_it_falls_while_batches_take_the_same_time(clock: Clock, batch: int) -> None:
    left, seen = TimeLeft(clock), []
    for second in range(1, 320):
        clock.now += 1
        left.note(second // batch * batch / 320)
        if left.seconds is not None:
            seen.append(left.seconds)
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == pytest.approx(320 - max(batch, 26), abs=7)
    assert seen[-1] < 2


@pytest.mark.parametrize("slowdown", [1.5, 4, 20, 100])
def test_a_machine_that_becomes_busy_raises_it_rarely_and_only_at_a_note(clock: Clock, slowdown: float) -> None:
    left, rises, before, fraction, seconds = TimeLeft(clock), 0, None, 0.0, 0
    while fraction < 1:
        clock.now += 1
        seconds += 1
        fraction = min(1.0, fraction + (0.005 if seconds <= 100 else 0.005 / slowdown))
        is_note = seconds % 4 == 0
        if is_note:
            left.note(fraction)
        now = left.seconds
        if before is not None and now is not None and now > before:
            rises += 1
            assert is_note
        before = now
    left.note(1.0)
    assert rises <= 3, "it never rises for long"
    assert rises or slowdown < 2
    assert left.seconds == pytest.approx(0, abs=1)


def test_it_says_seconds_where_one_step_takes_much_longer_than_the_others(clock: Clock) -> None:
    left = TimeLeft(clock)
    for step in range(1, 11):
        clock.now += 2
        left.note(step / 20)
    assert left.seconds == pytest.approx(20)
    clock.now += 500
    assert left.seconds == pytest.approx(18), "the clock alone does not finish the work"


def test_earlier_work_does_not_count_for_the_speed(clock: Clock) -> None:
    left = TimeLeft(clock)
    left.restart(0.9)
    assert left.seconds is None
    clock.now += 10
    left.note(0.95)
    assert left.seconds == pytest.approx(10)
    left.note(0.2)
    assert left.seconds == pytest.approx(10), "work is not undone"
