"""Tests for ADN: the networks, the two training turns and the corrected images."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from marview.errors import MethodFailed, UsageError
from marview.learning.api import Unpaired
from marview.learning.loop import Training
from marview.learning.machine import Machine
from marview.learning.plan import Plan
from marview.learning.recipe import Recipe, read_recipe
from marview.physics.attenuation import MU_WATER
from marview.testing import check_method, phantom_case
from marview.worker.loading import made_in

HERE = Path(__file__).parent
SIZE = 32
SMALL = {"width": 4, "blocks": 1}
STREAK_MU = 0.08


def batch_of(number: int, count: int = 1, *, has_truth: bool = False) -> Unpaired:
    """Return an unpaired batch: discs with stripe artifacts, and different discs without artifacts."""
    rng = torch.Generator().manual_seed(number)
    y, x = torch.meshgrid(*(torch.arange(SIZE) - SIZE / 2,) * 2, indexing="ij")
    shift = torch.randint(-4, 5, (2, count, 1, 1), generator=rng)
    discs = 0.2 * (torch.hypot(x - shift, y) < 11).float()
    metal = (torch.hypot(x, y) < 2).expand(count, -1, -1)
    with_metal = (discs[0] + STREAK_MU * torch.cos(y)).clamp(min=0) + 2 * metal
    if has_truth:
        return Unpaired(with_metal, discs[1], discs[0], metal)
    return Unpaired(with_metal, discs[1])


@pytest.fixture(scope="module")
def training():
    return made_in(HERE, read_recipe(HERE, "tiny").training)


def parameters(training, network, turn: str) -> int:
    return sum(each.numel() for each in training.parameters(network, turn))


def test_networks_have_the_published_parameter_counts(training) -> None:
    network = training.build(read_recipe(HERE, "paper").network)
    parts = {name: sum(each.numel() for each in part.parameters()) for name, part in network.named_children()}
    assert parts["clean_encoder"] == parts["artifact_encoder"] == 5_379_584
    assert parts["artifact_generator"] == 5_920_833
    assert parts["reduction"] == 11_300_417
    assert parts["judge_clean"] == parts["judge_artifact"] == 660_929
    assert parameters(training, network, "generators") == 27_980_418
    assert parameters(training, network, "discriminators") == 1_321_858


@pytest.mark.parametrize("size", ["paper", "bundled", "tiny"])
def test_recipes_are_unpaired(size: str) -> None:
    recipe = read_recipe(HERE, size)
    assert recipe.data.kind == "unpaired"
    assert (recipe.data.paired == 0) == (size == "paper")


def test_every_image_of_a_step_has_the_size_of_its_input(room) -> None:
    network = room.network.AdnNetwork(room.settings.Settings(**SMALL))
    made = network.made(torch.zeros(1, 1, SIZE, SIZE), torch.ones(1, 1, SIZE, SIZE))
    assert {tuple(each.shape) for each in made.values()} == {(1, 1, SIZE, SIZE)}
    codes = network.clean_encoder(torch.zeros(1, 1, SIZE, SIZE))
    assert [tuple(each.shape[1:]) for each in codes] == [(4, 32, 32), (8, 16, 16), (16, 8, 8)]


def test_a_residual_network_begins_with_the_image_itself(room) -> None:
    network = room.network.AdnNetwork(room.settings.Settings(**SMALL, is_residual=True, has_norm=False))
    seen = torch.rand(1, 1, SIZE, SIZE)
    assert torch.equal(network.reduction(seen), seen)
    made = network.made(seen, 1 - seen)
    assert torch.equal(made["rebuilt"], seen)
    assert torch.equal(made["self_reduced"], 1 - seen)


def test_adversarial_steps_lower_what_each_turn_is_for(training) -> None:
    torch.manual_seed(0)
    network, batch = training.build(SMALL), batch_of(0, 2)
    adam = {turn: torch.optim.Adam(training.parameters(network, turn), 2e-3) for turn in training.turns}
    curve: list[dict[str, float]] = []
    for _ in range(30):
        row: dict[str, float] = {}
        for turn in training.turns:
            network.zero_grad()
            losses: dict[str, Tensor] = training.losses(network, batch, turn, SMALL)
            sum(losses.values()).backward()
            adam[turn].step()
            row |= {name: float(each.detach()) for name, each in losses.items()}
        curve.append(row)
    assert curve[-1]["reconstruction"] < 0.7 * curve[0]["reconstruction"]
    assert curve[-1]["self_reduction"] < 0.7 * curve[0]["self_reduction"]
    assert curve[-1]["judge_artifact"] < 0.5 * curve[0]["judge_artifact"]


def test_a_turn_changes_its_own_networks_alone(training) -> None:
    network = training.build(SMALL)
    named = {id(each): name for name, each in network.named_parameters()}
    made, judges = ({named[id(each)] for each in training.parameters(network, turn)} for turn in training.turns)
    assert made | judges == set(named.values())
    assert not made & judges
    assert all(name.startswith("judge_") for name in judges)
    training.losses(network, batch_of(0), "generators", SMALL)
    sum(training.losses(network, batch_of(0), "discriminators", SMALL).values()).backward()
    assert not any(each.grad is not None for each in training.parameters(network, "generators"))


def test_the_truth_of_simulated_metal_is_learned_outside_metal(training) -> None:
    settings = SMALL | {"is_residual": True, "has_norm": False}
    network = training.build(settings)
    batch = batch_of(0, has_truth=True)
    losses = training.losses(network, batch, "generators", settings)
    expected = (batch.with_metal_mu.clamp(0, 0.5) - batch.truth_mu).abs()[~batch.metal].mean() * 4 * 20
    assert float(losses["paired"].detach()) == pytest.approx(float(expected), rel=1e-4)
    assert "paired" not in training.losses(network, batch_of(0), "generators", settings)


def test_large_errors_may_weigh_more_in_the_difference_to_the_truth(training) -> None:
    settings = SMALL | {"is_residual": True, "has_norm": False, "paired_rms": 5.0}
    network, batch = training.build(settings), batch_of(0, has_truth=True)
    losses = training.losses(network, batch, "generators", settings)
    squares = (batch.with_metal_mu.clamp(0, 0.5) - batch.truth_mu).square()[~batch.metal]
    assert float(losses["paired_rms"].detach()) == pytest.approx(float(squares.mean().sqrt()) * 4 * 5, rel=1e-3)


def test_the_trained_pair_learns_no_artifact_from_networks_that_begin_without_one(training) -> None:
    settings = SMALL | {"is_residual": True, "has_norm": False, "calm_steps": 1}
    network, batch = training.build(settings), batch_of(0)
    network.steps += 1
    with torch.no_grad():
        network.reduction.generator.last.bias.fill_(-0.1)  # an artifact is found
    losses = training.losses(network, batch, "generators", settings)
    last = network.reduction.generator.last.weight
    for name in ("reconstruction", "artifact"):
        found = torch.autograd.grad(losses[name], last, retain_graph=True, allow_unused=True)[0]
        kept = torch.autograd.grad(losses[name], network.artifact_generator.last.weight, retain_graph=True)[0]
        assert name == "reconstruction" or found is None
        assert bool(kept.any())


def test_clean_images_get_the_trained_encoder_after_the_calm_steps(training) -> None:
    settings = SMALL | {"calm_steps": 1}
    network = training.build(settings)
    own, trained = network.clean_encoder.full_size[0].weight, network.reduction.encoder.full_size[0].weight
    for is_shared in (False, True):
        training.losses(network, batch_of(0, has_truth=True), "generators", settings)
        assert torch.equal(own, trained) == is_shared
    with torch.no_grad():
        trained += 1
    training.losses(network, batch_of(0), "generators", settings)
    assert not torch.equal(own, trained)


@pytest.mark.parametrize("has_truth", [True, False])
def test_only_the_pair_that_removes_artifacts_learns_in_the_calm_steps(training, *, has_truth: bool) -> None:
    settings = SMALL | {"calm_steps": 2, "unchanged": 20}
    network, batch = training.build(settings), batch_of(0, has_truth=has_truth)
    for step in range(3):
        network.zero_grad()
        losses = training.losses(network, batch, "generators", settings)
        sum(losses.values()).backward()
        learning = {name.partition(".")[0] for name, each in network.named_parameters() if each.grad is not None}
        judged = set(training.losses(network, batch, "discriminators", settings))
        if step < 2:
            assert set(losses) == ({"paired", "unchanged"} if has_truth else {"unchanged"})
            assert learning == {"reduction"}
            assert not judged
        else:
            assert {"adversarial", "artifact", "self_reduction", "reconstruction"} <= set(losses)
            assert {"clean_encoder", "artifact_encoder", "artifact_generator"} <= learning
            assert judged == {"judge_clean", "judge_artifact"}


def test_after_the_calm_steps_clean_images_still_have_to_stay_unchanged(training) -> None:
    settings = SMALL | {"is_residual": True, "has_norm": False, "unchanged": 40}
    network, batch = training.build(settings), batch_of(0)
    with torch.no_grad():
        network.reduction.generator.last.bias.fill_(-0.01)  # a shift of grey values
    losses = training.losses(network, batch, "generators", settings)
    assert float(losses["unchanged"].detach()) == pytest.approx(0.4, rel=1e-3)
    assert "unchanged" not in training.losses(network, batch, "generators", settings | {"unchanged": 0})


def test_faint_lesions_must_keep_their_contrast_in_every_step_with_a_truth(training) -> None:
    settings = SMALL | {"is_residual": True, "has_norm": False, "calm_steps": 1, "contrast": 2.0}
    network = training.build(settings)
    for is_halved in (False, True):
        for _ in ("calm", "adversarial"):
            losses = training.losses(network, batch_of(0, has_truth=True), "generators", settings)
            assert float(losses["contrast"].detach()) == pytest.approx(2.0 * is_halved / 2, abs=0.02)
        assert "contrast" not in training.losses(network, batch_of(0), "generators", settings)
        network.steps.zero_()
        network.reduction.made_of = lambda _, image: image / 2


def small_recipe() -> Recipe:
    recipe = read_recipe(HERE, "tiny")
    run = recipe.run.model_copy(update={"steps": 6, "validate_every": 3, "checkpoint_minutes": 1e-9})
    network = recipe.network | {"crop_px": 16, "calm_steps": 3}
    return recipe.model_copy(update={"run": run, "network": network})


def begun(folder: Path, training, *, is_resumed: bool = False) -> Training:
    plan = Plan(
        method="adn",
        version="1.0.0",
        trainable=training,
        recipe=small_recipe(),
        pairs=lambda number: batch_of(number, has_truth=number % 2 == 0),
        validation=lambda number: batch_of(100 + number, has_truth=True),
        folder=folder,
        machine=Machine("cpu"),
    )
    return Training(plan, is_resumed=is_resumed)


def test_a_resumed_run_equals_the_unbroken_run(tmp_path: Path, training) -> None:
    losses: list[float] = []
    whole = begun(tmp_path / "whole", training)
    whole.run(hear=lambda news: losses.append(news.loss))
    first = begun(tmp_path / "broken", training)
    first.run(max_minutes=0)
    assert 0 < first.step < 6
    second = begun(tmp_path / "broken", training, is_resumed=True)
    again: list[float] = []
    second.run(hear=lambda news: again.append(news.loss))
    assert again == pytest.approx(losses[first.step :], rel=1e-4)
    one, other = whole.learner.tensors(), second.learner.tensors()
    assert one.keys() == other.keys()
    # Adam turns a rounding error in a gradient near 0 into a whole step, so single weights may differ.
    away = {name: float((one[name].float() - other[name].float()).norm()) for name in one}
    assert all(away[name] <= 1e-3 * float(one[name].float().norm()) + 1e-5 for name in one), max(away.values())
    assert int(second.learner.network.steps) == 6
    assert (tmp_path / "whole" / "pictures" / "step_0000006.png").is_file()
    curve = (tmp_path / "whole" / "curve.csv").read_text(encoding="utf-8")
    assert "uncorrected_rmse_hu" in curve.splitlines()[0]


def test_a_recipe_with_a_rate_for_an_unknown_turn_is_refused(tmp_path: Path, training) -> None:
    recipe = small_recipe()
    optimiser = recipe.optimiser.model_copy(update={"turn_rates": {"judges": 0.5}})
    recipe = recipe.model_copy(update={"optimiser": optimiser})
    plan = Plan("adn", "1", training, recipe, batch_of, batch_of, tmp_path, Machine("cpu"))
    with pytest.raises(UsageError, match="contains judges, but the turns of adn are generators, discriminators"):
        Training(plan)


def test_the_method_keeps_the_contract(room, copy_with) -> None:
    torch.manual_seed(0)
    network = room.network.AdnNetwork(room.settings.Settings(**SMALL))
    assert check_method(copy_with(network, SMALL)) == []


def test_the_artifact_image_is_what_the_result_leaves_out(loaded, room, weights_job) -> None:
    network = room.network.AdnNetwork(room.settings.Settings(**SMALL))
    job, case = weights_job(network, SMALL), phantom_case()
    shown: dict[int, Tensor] = {}
    job.output = lambda name, index, picture: shown.update({index: picture} if name == "artifact" else {})
    result = loaded.method.run(case, loaded.parameters({}), job)
    assert list(shown) == [0, 1]
    assert torch.allclose(case.hu - torch.stack(list(shown.values())), result.hu, atol=0.01)
    assert float((result.hu - case.hu).abs().max()) > 1
    half = loaded.method.run(case, loaded.parameters({"strength": 0.5}), job)
    assert torch.allclose(half.hu, (case.hu + result.hu) / 2, atol=0.01)


def test_the_result_changes_no_more_than_the_scale_holds(loaded, room, weights_job) -> None:
    job, case = weights_job(room.network.AdnNetwork(room.settings.Settings(**SMALL)), SMALL), phantom_case()
    change = loaded.method.run(case, loaded.parameters({}), job).hu - case.hu
    assert float(change.abs().max()) <= 0.5 / MU_WATER * 1000 + 0.01


def test_weights_of_another_network_are_refused(loaded, room, weights_job) -> None:
    other = room.network.AdnNetwork(room.settings.Settings(width=8, blocks=1))
    with pytest.raises(MethodFailed, match="are for a different network"):
        loaded.method.run(phantom_case(), loaded.parameters({}), weights_job(other, SMALL))
