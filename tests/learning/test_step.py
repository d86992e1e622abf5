"""A step of a training: which parameters it changes, how far, and what it does with NaN and infinity."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from marview.learning.recipe import Optimiser
from marview.learning.schedule import optimiser
from marview.learning.state import Learner
from marview.learning.step import NotANumberError, take_step

HOW = Optimiser(learning_rate=0.5, name="sgd", turn_rates={"second": 0.5})


class TwoTurns:
    """Two numbers, each with a turn of its own and a loss that grows with it."""

    turns = ("first", "second")
    bad = ""

    def parameters(self, network: nn.Module, turn: str) -> list[nn.Parameter]:
        return [network.get_parameter(turn)]

    def losses(self, network: nn.Module, batch: float, turn: str, settings: Any) -> dict[str, Tensor]:
        loss = batch * network.get_parameter(turn).sum()
        return {"size": loss * float("nan") if turn == self.bad else loss, "nothing": 0 * loss}


@pytest.fixture
def learner() -> Learner:
    network = nn.ParameterDict({turn: nn.Parameter(torch.ones(1)) for turn in TwoTurns.turns})
    return Learner(network, {turn: optimiser([network[turn]], HOW) for turn in TwoTurns.turns}, None)


def test_each_turn_changes_its_own_parameters_at_its_own_rate(learner) -> None:
    losses = take_step(TwoTurns(), learner, 3.0, {}, HOW, 0.1)
    assert losses == [("size", 3.0), ("nothing", 0.0)] * 2
    assert float(learner.network["first"].detach()) == pytest.approx(1 - 0.1 * 3)
    assert float(learner.network["second"].detach()) == pytest.approx(1 - 0.05 * 3)


def test_a_turn_without_losses_changes_nothing(learner) -> None:
    class OneTurn(TwoTurns):
        def losses(self, network: nn.Module, batch: float, turn: str, settings: Any) -> dict[str, Tensor]:
            return super().losses(network, batch, turn, settings) if turn == "first" else {}

    assert take_step(OneTurn(), learner, 3.0, {}, HOW, 0.1) == [("size", 3.0), ("nothing", 0.0)]
    assert float(learner.network["first"].detach()) == pytest.approx(0.7)
    assert float(learner.network["second"].detach()) == 1


def test_a_long_gradient_is_cut(learner) -> None:
    take_step(TwoTurns(), learner, 3.0, {}, HOW.model_copy(update={"gradient_clip": 1.0}), 0.1)
    assert float(learner.network["first"].detach()) == pytest.approx(0.9, abs=1e-4)


@pytest.mark.parametrize(("batch", "bad", "says"), [(1.0, "second", "the loss"), (float("inf"), "", "the loss")])
def test_a_loss_that_is_not_a_number_changes_nothing_in_its_turn(learner, batch, bad, says) -> None:
    trainable = TwoTurns()
    trainable.bad = bad
    with pytest.raises(NotANumberError, match=says):
        take_step(trainable, learner, batch, {}, HOW, 0.1)
    assert float(learner.network["second"].detach()) == 1
