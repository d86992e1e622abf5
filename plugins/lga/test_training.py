"""Tests for both training stages of Latent GSI Alignment."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from marview.errors import BadInput
from marview.learning.loop import Training
from marview.learning.machine import Machine
from marview.learning.plan import Plan
from marview.learning.recipe import Recipe, read_recipe

HERE = Path(__file__).parent


@pytest.fixture
def stages(room: Any) -> dict[str, Any]:
    return {
        "tiny_autoencoder": room.autoencoder_training.AutoencoderTraining(),
        "tiny": room.alignment_training.AlignmentTraining(),
    }


@torch.no_grad()
def held_out(training: Any, network: nn.Module, batch: Any) -> dict[str, float]:
    """Return the losses on whole slices, computed in evaluation mode."""
    losses = training.losses(network.eval(), batch, training.turns[0], {})
    network.train()
    return {name: float(each) for name, each in losses.items()}


@pytest.mark.slow
def test_autoencoder_overfits_eight_slices(room: Any, made: Any, learn_by_heart: Any) -> None:
    torch.manual_seed(0)
    training, batch = room.autoencoder_training.AutoencoderTraining(), made.batch_of(room, count=8)
    network = training.build(made.SMALL | {"starts_linear": False})
    before = held_out(training, network, batch)

    def loss(_step: int) -> Any:
        return sum(training.losses(network, batch, "autoencoder", {}).values())

    learn_by_heart(network, loss, 150, 1e-2)
    after = held_out(training, network, batch)
    assert after.keys() == {"ordinary_rmse_hu", "clean_rmse_hu", "gsi_rmse_hu"}
    assert all(after[name] < 0.25 * before[name] for name in after)


@pytest.mark.slow
def test_alignment_overfits_eight_slices(room: Any, made: Any, learn_by_heart: Any) -> None:
    torch.manual_seed(0)
    training, batch = room.alignment_training.AlignmentTraining(), made.batch_of(room, count=8)
    network = made.trained_once(training.build(made.SMALL))
    frozen = {name: each.clone() for name, each in network.state_dict().items() if "alignment" not in name}
    before = held_out(training, network, batch)
    assert before["near_rmse_hu"] == pytest.approx(before["near_uncorrected_rmse_hu"])
    learn_by_heart(network, lambda _: sum(training.losses(network, batch, "all", {}).values()), 150, 3e-3)
    after = held_out(training, network, batch)
    assert after["near_rmse_hu"] < 0.4 * before["near_rmse_hu"]
    assert after["code"] < 0.5 * before["code"]
    assert all(torch.equal(network.state_dict()[name], each) for name, each in frozen.items())


def test_contrastive_encoders_learn_to_find_the_slice_of_a_code(room: Any, made: Any) -> None:
    torch.manual_seed(0)
    training, batch = room.autoencoder_training.AutoencoderTraining(), made.batch_of(room, count=6)
    network = training.build(made.SMALL)
    adam = torch.optim.Adam(training.parameters(network, "contrast"), 1e-2)
    losses = []
    for _ in range(40):
        training.losses(network, batch, "autoencoder", {})
        loss = training.losses(network, batch, "contrast", {})["contrast"]
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_a_turn_changes_its_own_networks_alone(room: Any, made: Any) -> None:
    training, batch = room.autoencoder_training.AutoencoderTraining(), made.batch_of(room)
    network = training.build(made.SMALL)
    named = {id(each): name for name, each in network.named_parameters()}
    parts = [{named[id(each)] for each in training.parameters(network, turn)} for turn in training.turns]
    assert not parts[0] & parts[1]
    assert not any("alignment" in name for part in parts for name in part)
    training.losses(network, batch, "autoencoder", {})
    training.losses(network, batch, "contrast", {})["contrast"].backward()
    assert not any(each.grad is not None for each in training.parameters(network, "autoencoder"))


def test_alignment_without_a_trained_autoencoder_is_refused(room: Any, made: Any) -> None:
    training = room.alignment_training.AlignmentTraining()
    with pytest.raises(BadInput, match=r"has not been trained\. Train it first \(--size autoencoder\)"):
        training.losses(training.build(made.SMALL), made.batch_of(room), "all", {})


def test_invariant_loss_is_zero_only_where_both_encoders_agree(room: Any, made: Any) -> None:
    training, batch = room.alignment_training.AlignmentTraining(), made.batch_of(room)
    network = made.trained_once(training.build(made.SMALL | {"invariant": 1.0}))
    assert float(training.losses(network, batch, "all", {})["invariant"].detach()) > 0
    network.contrast_gsi.load_state_dict(network.contrast_ordinary.state_dict())
    assert float(training.losses(network, batch, "all", {})["invariant"].detach()) == 0


def test_lesions_that_are_mostly_outside_the_crop_do_not_count(room: Any) -> None:
    metal = torch.zeros(1, 1, 64, 64)
    metal[..., 30:34, 30:34] = 1
    tissue = room.batches.to_unit(torch.full((1, 1, 64, 64), 40.0))
    drawn = room.alignment_training._lesions(tissue, metal, is_fixed=True)
    contrast_hu = room.batches.in_hu(drawn).abs()
    assert 10 < float(contrast_hu.max()) < 400
    assert float(contrast_hu.sum()) > 300
    assert not room.alignment_training._lesions(tissue[..., :4, :4], metal[..., 30:34, 30:34], is_fixed=True).any()


def test_contrast_is_lost_only_by_a_network_that_treats_lesions_as_artifacts(room: Any, made: Any) -> None:
    training, batch = room.alignment_training.AlignmentTraining(), made.batch_of(room)
    network = made.trained_once(training.build(made.SMALL | {"contrast": 1.0})).eval()
    assert float(training.losses(network, batch, "all", {})["contrast"].detach()) == pytest.approx(0, abs=1e-3)
    torch.nn.init.normal_(network.alignment.last.weight, std=0.1)
    assert float(training.losses(network, batch, "all", {})["contrast"].detach()) > 0.01


def test_crops_are_mirrored_at_random(room: Any) -> None:
    torch.manual_seed(0)
    planes = torch.arange(12.0).reshape(1, 1, 3, 4).repeat(40, 1, 1, 1)
    turned = {tuple(one.flatten().tolist()) for one in room.batches.mirrored(planes)}
    assert turned == {tuple(planes[0].flip(axes).flatten().tolist()) for axes in ([], [1], [2], [1, 2])}


def test_errors_beyond_the_bound_grow_linearly(room: Any) -> None:
    bounded, one = room.alignment_training._bounded, torch.ones(1, 1, 1, 1)
    small, large, larger = (float(bounded(each * one, 0 * one, one, 200.0)) for each in (0.05, 0.2, 0.3))
    assert small == pytest.approx(0.05**2)
    assert larger - large == pytest.approx(2 * 0.1 * 0.1, rel=1e-4)
    assert float(bounded(0.3 * one, 0 * one, one, 0.0)) == pytest.approx(0.09)


def test_altered_slices_keep_their_neighbours(room: Any) -> None:
    torch.manual_seed(0)
    volume = torch.rand(12, 3, 32, 32)
    made = room.altered.altered(volume, 1.0)
    assert torch.equal(made[:, [0, 2]], volume[:, [0, 2]])
    assert all(not torch.equal(one[1], other[1]) for one, other in zip(made, volume, strict=True))
    assert torch.equal(room.altered.altered(volume, 0.0), volume)


def test_crops_hold_metal_and_have_one_place(room: Any) -> None:
    torch.manual_seed(0)
    mask = torch.zeros(1, 64, 64, dtype=torch.bool)
    mask[0, 3, 60] = True
    planes = torch.stack([mask[0].float(), mask[0].float()])[None]
    for _ in range(10):
        one = room.batches.crops(planes, 16, mask)
        assert one.shape == (1, 2, 16, 16)
        assert float(one[0, 0].sum()) == 1
        assert torch.equal(one[0, 0], one[0, 1])
    assert room.batches.crops(planes, 0, mask).shape == planes.shape


def test_nearness_is_zero_in_metal_beyond_the_reach_and_without_metal(room: Any) -> None:
    mask = torch.zeros(2, 1, 64, dtype=torch.bool)
    mask[0, 0, 0] = True
    near = room.batches.nearness(mask, 20.0)
    assert near[0, 0, 0] == 0
    assert near[0, 0, 1] == 1
    assert 0 < near[0, 0, 18] < 1
    assert not near[0, 0, 20:].any()
    assert not near[1].any()


def short(size: str) -> Recipe:
    recipe = read_recipe(HERE, size)
    run = recipe.run.model_copy(update={"steps": 6, "validate_every": 3, "checkpoint_minutes": 1e-9})
    return recipe.model_copy(update={"run": run, "network": recipe.network | {"crop_px": 16}})


@pytest.mark.parametrize("size", ["tiny_autoencoder", "tiny"])
def test_a_resumed_run_equals_the_unbroken_run(
    tmp_path: Path, room: Any, made: Any, stages: dict[str, Any], size: str
) -> None:
    def begun(folder: str, *, is_resumed: bool = False) -> Training:
        plan = Plan(
            method="lga",
            version="1.0.0",
            trainable=stages[size],
            recipe=short(size),
            pairs=lambda number: made.batch_of(room, number),
            validation=lambda number: made.batch_of(room, 100 + number),
            folder=tmp_path / folder,
            machine=Machine("cpu"),
        )
        training = Training(plan, is_resumed=is_resumed)
        if size == "tiny" and not is_resumed:
            for network in (training.learner.network, training.learner.used):
                made.trained_once(network)
        return training

    losses: list[float] = []
    whole = begun("whole")
    whole.run(hear=lambda news: losses.append(news.loss))
    first = begun("broken")
    first.run(max_minutes=0)
    assert 0 < first.step < 6
    second = begun("broken", is_resumed=True)
    again: list[float] = []
    second.run(hear=lambda news: again.append(news.loss))
    assert again == pytest.approx(losses[first.step :], rel=1e-4)
    one, other = whole.learner.tensors(), second.learner.tensors()
    assert one.keys() == other.keys()
    # Adam turns a rounding error in a gradient near 0 into a whole step, so single weights may differ.
    away = {name: float((one[name].float() - other[name].float()).norm()) for name in one}
    assert all(away[name] <= 1e-3 * float(one[name].float().norm()) + 1e-5 for name in one), max(away.values())
    curve = (tmp_path / "whole" / "curve.csv").read_text(encoding="utf-8").splitlines()[0]
    named = "validation clean_rmse_hu" if size == "tiny_autoencoder" else "validation near_rmse_hu"
    assert named in curve


def test_the_second_stage_starts_from_the_first(tmp_path: Path, room: Any, made: Any, stages: dict[str, Any]) -> None:
    def begun(size: str, begins_with: Path | None = None) -> Training:
        def batch(number: int) -> Any:
            return made.batch_of(room, number)

        where = tmp_path / size, Machine("cpu"), begins_with
        return Training(Plan("lga", "1.0.0", stages[size], short(size), batch, batch, *where))

    begun("tiny_autoencoder").run()
    for name in ("weights.safetensors", "state.safetensors"):
        second = begun("tiny", tmp_path / "tiny_autoencoder" / name)
        assert int(second.learner.network.autoencoder_steps) == 6
        second.run(max_minutes=0)
        (tmp_path / "tiny").rename(tmp_path / name)
