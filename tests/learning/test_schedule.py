"""The learning rate as a function of the step."""

import pytest

from marview.learning.recipe import Optimiser
from marview.learning.schedule import learning_rate


def rate(step: int, warm_from: int | None = None, **how: object) -> float:
    return learning_rate(Optimiser(learning_rate=1.0, **how), step, 100, warm_from)


def test_it_stays_by_default() -> None:
    assert rate(0) == rate(99) == 1


def test_milestones_halve_it() -> None:
    assert [rate(step, milestones=(10, 20)) for step in (9, 10, 20)] == [1, 0.5, 0.25]


def test_keras_decay() -> None:
    assert rate(3, decay=0.5) == pytest.approx(1 / 2.5)


def test_a_cosine_ends_in_nothing() -> None:
    assert rate(0, cosine=True) == 1
    assert rate(50, cosine=True) == pytest.approx(0.5)
    assert rate(100, cosine=True) == pytest.approx(0, abs=1e-9)


def test_a_warm_up_rises_and_ends() -> None:
    assert [rate(step, warm_up=4) for step in (0, 1, 3, 50)] == [0.25, 0.5, 1, 1]


def test_resuming_without_moments_warms_up_again() -> None:
    assert rate(40, warm_from=40) == pytest.approx(0.01)
    assert rate(139, warm_from=40) == 1
