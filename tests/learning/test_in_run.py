"""Training within a correction: it ends with its steps or its time, can be cancelled, and refuses bad numbers."""

import math
import time
from typing import Any

import pytest
from torch import Tensor, nn

from marview.errors import MethodFailed
from marview.learning.in_run import learn_in_run
from marview.learning.recipe import Optimiser
from marview.methods.api import Cancelled

HOW = Optimiser(learning_rate=0.1, name="sgd")


class Falls:
    """A number whose loss is itself."""

    turns = ("all",)

    def parameters(self, network: nn.Module, turn: str) -> list[nn.Parameter]:
        return list(network.parameters())

    def losses(self, network: nn.Module, batch: float, turn: str, settings: Any) -> dict[str, Tensor]:
        return {"itself": batch * network.weight.sum()}


class Job:
    """Job that counts what it hears, and is cancelled at a step."""

    def __init__(self, cancelled_at: float = math.inf) -> None:
        self.heard: list[tuple[float, str]] = []
        self.cancelled_at = cancelled_at

    def check_cancelled(self) -> None:
        if len(self.heard) >= self.cancelled_at:
            raise Cancelled

    def learning(self, fraction: float, text: str = "") -> None:
        self.heard.append((fraction, text))


def _learned(job: Job, steps: int = 4, minutes: float = 600.0, began: float = 0.0, slope: float = 1.0) -> Any:
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0)
    done = learn_in_run(Falls(), network, lambda _: slope, {}, HOW, steps, minutes, job, time.monotonic() - began)
    return done, float(network.weight.detach())


def test_the_rate_falls_along_half_a_cosine_to_the_last_step() -> None:
    job = Job()
    done, weight = _learned(job)
    assert done == 4
    assert weight == pytest.approx(-0.1 * sum((1 + math.cos(math.pi * k / 4)) / 2 for k in range(4)), rel=1e-4)
    assert [text for _, text in job.heard] == [f"step {k} of 4" for k in range(1, 5)]
    shares = [share for share, _ in job.heard]
    assert shares == sorted(shares)


def test_time_that_is_up_ends_it_before_its_steps() -> None:
    assert _learned(Job(), minutes=1.0, began=61.0) == (0, 0.0)


def test_a_cancelled_run_ends_before_the_next_step() -> None:
    job = Job(cancelled_at=2)
    with pytest.raises(Cancelled):
        _learned(job)
    assert len(job.heard) == 2


def test_a_loss_that_is_not_a_number_is_a_sentence() -> None:
    with pytest.raises(MethodFailed, match=r"stopped at step 1: the loss is not finite\. Choose a smaller"):
        _learned(Job(), slope=math.nan)
