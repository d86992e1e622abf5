"""Random actions break nothing and leave nothing behind; `MARVIEW_SOAK_ACTIONS` and `MARVIEW_SOAK_SEED` choose them.

The window runs in a child process, which reports what failed or grew.
"""

import os
import subprocess
import sys
from collections.abc import Iterable

import pytest

from tests.soak.actions import Rest, growth
from tests.soak.soak import Figures


def rests(*lives: Iterable[float], memory_mb: float = 100.0) -> list[Rest]:
    """Return rests at which one worker after the other has these MB."""
    return [
        Rest(Figures(memory_mb, {process: worker_mb}, 10, 20, 5), 400)
        for process, life in enumerate(lives)
        for worker_mb in life
    ]


def test_a_new_worker_is_no_growth() -> None:
    restarted = rests([690.0] * 15, [628.0, 660.0, *[691.0] * 63])
    assert growth(restarted) == []
    late = rests([628.0] * 60, [691.0] * 20)
    assert growth(late) == []


@pytest.mark.parametrize("rests_before", [0, 15, 30])
def test_a_leak_within_the_life_of_a_worker_is_growth(rests_before: int) -> None:
    leaking = rests([690.0] * rests_before, [600.0 + 2 * k for k in range(80 - rests_before)])
    (found,) = growth(leaking)
    assert found.startswith("worker_mb grew from 6")


def test_growth_of_the_window_is_named() -> None:
    leaking = [Rest(Figures(100.0 + k, {}, 10 + k, 20, 5), 400 + 3 * k) for k in range(40)]
    assert [one.split()[0] for one in growth(leaking)] == ["memory_mb", "threads", "widgets"]
    assert growth(leaking[:3]) == ["3 rounds tell nothing: 4 are the least"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="figures are read from /proc")
def test_two_hundred_random_actions_break_nothing() -> None:
    _do("200", "7")


@pytest.mark.slow
@pytest.mark.timeout(14_400)
@pytest.mark.skipif(sys.platform != "linux", reason="figures are read from /proc")
def test_many_random_actions_break_nothing_and_leave_nothing_behind() -> None:
    _do(os.environ.get("MARVIEW_SOAK_ACTIONS", "20000"), os.environ.get("MARVIEW_SOAK_SEED", "1"))


def _do(actions: str, seed: str) -> None:
    words = [sys.executable, "-m", "tests.soak.actions", actions, seed]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
