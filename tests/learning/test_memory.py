"""Batches that are shown again."""

from marview.learning.memory import Remembered


class Counting:
    """A source that records its requests."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def __call__(self, number: int) -> int:
        self.made.append(number)
        return number


def test_each_batch_is_made_once_and_shown_among_the_last_ones() -> None:
    source = Counting()
    remembered = Remembered(source, kept=5, shown=4, seed=3)
    shown = [remembered(number) for number in range(80)]
    assert source.made == list(range(20))
    assert shown[::4] == list(range(20))
    assert all(max(0, number // 4 - 4) <= each <= number // 4 for number, each in enumerate(shown))
    assert len(set(shown[60:])) > 4


def test_a_resumed_run_sees_the_same_batches() -> None:
    unbroken = Remembered(Counting(), kept=5, shown=4, seed=3)
    whole = [unbroken(number) for number in range(60)]
    taken_up = Remembered(Counting(), kept=5, shown=4, seed=3)
    assert [taken_up(number) for number in range(30, 60)] == whole[30:]


def test_batches_dropped_from_memory_are_released() -> None:
    remembered = Remembered(Counting(), kept=3, shown=2, seed=0)
    for number in range(40):
        remembered(number)
    assert len(remembered) <= 3
