"""The resource use of a window does not grow over hours; `MARVIEW_SOAK` sets the number of rounds.

The window runs in a child process, which reports the figures.
"""

import os
import subprocess
import sys

import pytest

from tests.soak.soak import ROUNDS_A_WINDOW, Figures, growth


def test_growing_figures_are_named() -> None:
    flat = [Figures(100.0, {7: 200.0}, 10, 20 + k % ROUNDS_A_WINDOW, 5) for k in range(4 * ROUNDS_A_WINDOW)]
    assert growth(flat) == []
    leaking = [Figures(100.0 + k / 4, {7: 200.0}, 10, 20, 5 + k // 50) for k in range(4 * ROUNDS_A_WINDOW)]
    assert [one.split()[0] for one in growth(leaking)] == ["memory_mb", "blocks"]
    assert growth(flat[:ROUNDS_A_WINDOW])


@pytest.mark.slow
@pytest.mark.timeout(14_400)
@pytest.mark.skipif(sys.platform != "linux", reason="figures are read from /proc")
def test_a_window_takes_no_more_after_many_rounds() -> None:
    words = [sys.executable, "-m", "tests.soak.soak", os.environ.get("MARVIEW_SOAK", "200")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
