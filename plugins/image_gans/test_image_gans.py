"""Tests for cGAN-MAR and CycleGAN: the networks, the losses of each turn, and the corrected images."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from marview.errors import BadInput, MethodFailed
from marview.learning.api import Unpaired
from marview.learning.recipe import read_recipe
from marview.testing import check_method, phantom_case
from marview.worker.loading import made_in

HERE = Path(__file__).parent
SIZE = 32
VARIANTS = ("cgan", "cyclegan")


def small(variant: str, **others: object) -> dict[str, object]:
    return {"variant": variant, "width": 4, "blocks": 1} | others


@pytest.fixture(scope="module")
def training():
    return made_in(HERE, read_recipe(HERE, "cgan").training)


def unpaired(count: int = 2) -> Unpaired:
    """Return an unpaired batch: discs with stripe artifacts, and other discs without artifacts."""
    y, x = torch.meshgrid(*(torch.arange(SIZE) - SIZE / 2,) * 2, indexing="ij")
    shift = torch.arange(2 * count).reshape(2, count, 1, 1) - count
    discs = 0.2 * (torch.hypot(x - shift, y) < 11).float()
    return Unpaired((discs[0] + 0.08 * torch.cos(y)).clamp(min=0), discs[1])


@pytest.fixture
def batch_of(discs):
    """Return a function that makes a batch for the given variant."""
    return lambda variant: discs(2) if variant == "cgan" else unpaired()


@pytest.mark.parametrize("variant", VARIANTS)
def test_recipes_name_their_variant_and_its_data(variant: str) -> None:
    for size in (variant, f"tiny_{variant}"):
        recipe = read_recipe(HERE, size)
        assert recipe.network["variant"] == variant
        assert recipe.data.kind == ("pairs" if variant == "cgan" else "unpaired")
        assert recipe.data.paired == 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_adversarial_steps_lower_what_each_turn_is_for(training, batch_of, variant: str) -> None:
    torch.manual_seed(0)
    settings, batch = small(variant), batch_of(variant)
    network = training.build(settings)
    adam = {turn: torch.optim.Adam(training.parameters(network, turn), 2e-3) for turn in training.turns}
    curve: list[dict[str, float]] = []
    for _ in range(30):
        row: dict[str, float] = {}
        for turn in training.turns:
            network.zero_grad()
            losses: dict[str, Tensor] = training.losses(network, batch, turn, settings)
            sum(losses.values()).backward()
            adam[turn].step()
            row |= {name: float(each.detach()) for name, each in losses.items()}
        curve.append(row)
    for name in ("truth", "judge_clean") if variant == "cgan" else ("cycle", "identity", "judge_artifact"):
        assert curve[-1][name] < 0.8 * curve[0][name], name


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_turn_changes_its_own_networks_alone(training, batch_of, variant: str) -> None:
    settings = small(variant)
    network = training.build(settings)
    made, judges = ({id(each) for each in training.parameters(network, turn)} for turn in training.turns)
    assert made | judges == {id(each) for each in network.parameters()}
    assert not made & judges
    training.losses(network, batch_of(variant), "generators", settings)
    sum(training.losses(network, batch_of(variant), "discriminators", settings).values()).backward()
    assert not any(each.grad is not None for each in training.parameters(network, "generators"))


def test_the_truth_is_learned_outside_metal(training, discs) -> None:
    settings, pairs = small("cgan", has_norm=False, is_residual=True), discs(1)
    losses = training.losses(training.build(settings), pairs, "generators", settings)
    error = (pairs.image.clamp(0, 0.5) - pairs.truth_mu).abs()[~pairs.metal].mean()
    assert float(losses["truth"].detach()) == pytest.approx(float(error) * 4 * 100, rel=1e-4)


def test_a_cycle_that_changes_nothing_costs_nothing(training) -> None:
    settings = small("cyclegan", has_norm=False, is_residual=True)
    losses = training.losses(training.build(settings), unpaired(), "generators", settings)
    assert float(losses["cycle"].detach()) == 0
    assert float(losses["identity"].detach()) == 0


def test_a_variant_that_does_not_exist_is_refused(training) -> None:
    with pytest.raises(BadInput, match="the image GANs are invalid: variant"):
        training.build({"variant": "munit"})


def shaken(training, variant: str):
    """Return a network whose output layer has nonzero weights, so that it changes every image."""
    torch.manual_seed(0)
    return training.build(small(variant))


def test_the_method_keeps_the_contract(training, copy_with) -> None:
    assert check_method(copy_with(shaken(training, "cyclegan"), small("cyclegan"))) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_either_variant_corrects_a_case(loaded, training, weights_job, variant: str) -> None:
    case = phantom_case()
    job = weights_job(shaken(training, variant), small(variant))
    result = loaded.method.run(case, loaded.parameters({}), job)
    assert float((result.hu - case.hu).abs().max()) > 1
    kept = loaded.method.run(case, loaded.parameters({"strength": 0}), job)
    assert torch.equal(kept.hu, case.hu)


def test_weights_of_another_network_are_refused(loaded, training, weights_job) -> None:
    other = training.build(small("cgan") | {"width": 8})
    with pytest.raises(MethodFailed, match="are for a different network"):
        loaded.method.run(phantom_case(), loaded.parameters({}), weights_job(other, small("cgan")))
