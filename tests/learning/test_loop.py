"""Laws of the training loop, with a tiny network."""

import csv
from pathlib import Path

import pytest
import torch

from marview.learning.run_folder import WEIGHTS
from marview.learning.weights import load_weights
from tests.learning.steps import trained


def test_it_learns(begin, small) -> None:
    losses = trained(begin(recipe=small.recipe(steps=60), pairs=lambda number: small.pairs(0)))
    assert losses[-1] < losses[0] / 2


def test_a_seed_gives_a_run(begin, small) -> None:
    first, again, other = (
        trained(begin(name, small.recipe(steps=3, seed=seed))) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == pytest.approx(again, rel=1e-5)
    assert first != pytest.approx(other, rel=1e-3)


def test_the_average_follows_the_weights_slowly(begin, small) -> None:
    training = begin(recipe=small.recipe(steps=6, optimiser={"ema": 0.999}))
    before = training.learner.network.state_dict()["last.weight"].clone()
    training.run()
    after = training.learner.network.state_dict()["last.weight"]
    mean = training.learner.used.state_dict()["last.weight"]
    assert 0 < (mean - before).norm() < (after - before).norm()
    assert training.learner.average is not None
    assert int(training.learner.average.n_averaged) == 6


def test_without_an_average_the_weights_themselves_are_used(begin, small, tmp_path: Path) -> None:
    training = begin(recipe=small.recipe(steps=2, optimiser={"ema": 0.0}))
    training.run()
    weights, about = load_weights(tmp_path / "run" / WEIGHTS)
    now = training.learner.network.state_dict()["last.weight"]
    torch.testing.assert_close(weights["last.weight"], now, atol=1e-3, rtol=1e-3)
    assert (about.method, about.steps, dict(about.network)) == ("small", 2, {"width": 3})


def test_clipping_bounds_the_step(begin, small) -> None:
    how = {"name": "sgd", "learning_rate": 1.0, "gradient_clip": 1e-3, "ema": 0.0}
    training = begin(recipe=small.recipe(steps=1, optimiser=how))
    before = [one.detach().clone() for one in training.learner.network.parameters()]
    training.run()
    moved = [one.detach() - old for one, old in zip(training.learner.network.parameters(), before, strict=True)]
    norm = float(torch.cat([one.flatten() for one in moved]).norm())
    assert norm == pytest.approx(1e-3, rel=0.01)


def test_each_turn_changes_its_own_parameters(begin, small) -> None:
    class OnlyLast(small.Network):
        def losses(self, network, pairs, turn, settings):
            return (
                {turn: 0 * super().losses(network, pairs, turn, settings)["image"]}
                if turn == "first"
                else (super().losses(network, pairs, turn, settings))
            )

    training = begin(trainable=OnlyLast(turns=("first", "last")))
    before = {name: one.detach().clone() for name, one in training.learner.network.named_parameters()}
    training.run()
    changed = {
        name.split(".")[0] for name, one in training.learner.network.named_parameters() if (one != before[name]).any()
    }
    assert changed == {"last"}
    assert set(training.learner.optimisers) == {"first", "last"}


def test_a_batch_serves_as_many_steps_as_the_recipe_says(begin, small) -> None:
    asked: list[int] = []

    def counting(number: int):
        asked.append(number)
        return small.pairs(number)

    begin(recipe=small.recipe(steps=6), pairs=counting).run()
    assert asked[:3] == [0, 1, 2]
    assert len(asked) <= 3 + 3  # some are made ahead


def test_the_curve_has_a_row_for_every_look_and_pictures(begin, small, tmp_path: Path) -> None:
    begin(recipe=small.recipe(steps=10)).run()
    with (tmp_path / "run" / "curve.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["step"]) for row in rows] == [0, 4, 8, 10]
    assert {"training image", "validation square", "learning_rate"} <= set(rows[0])
    assert {"rmse_hu", "li_rmse_hu", "ceiling_rmse_hu"} <= set(rows[0])
    assert float(rows[-1]["rmse_hu"]) != float(rows[0]["rmse_hu"])
    assert len(list((tmp_path / "run" / "pictures").glob("step_*.png"))) == 4


def test_projection_keeps_its_type_where_the_network_is_in_half_precision(begin, small) -> None:
    seen: list[torch.dtype] = []

    class Projecting(small.Network):
        def losses(self, network, pairs, turn, settings):
            image = self.corrected(network, pairs)
            sinogram = pairs.projector.forward(image)
            seen.extend([network["last"](network["first"](torch.stack([pairs.image] * 2, 1))).dtype, sinogram.dtype])
            seen.append(pairs.reconstruct(sinogram).dtype)
            return {"sinogram": (sinogram - pairs.metal_free_sinogram).abs().mean()}

    begin(recipe=small.recipe(steps=1, precision="bfloat16"), trainable=Projecting()).run()
    assert seen[:3] == [torch.bfloat16, torch.float32, torch.float32]


def test_the_limits_of_a_network_are_saved_with_its_weights(begin, small, tmp_path: Path) -> None:
    begin(recipe=small.recipe(steps=2)).run()
    first = load_weights(tmp_path / "run" / WEIGHTS)[1].limits
    begin(recipe=small.recipe(steps=8), is_resumed=True).run()
    second = load_weights(tmp_path / "run" / WEIGHTS)[1].limits
    assert first.keys() == second.keys() == {"trace_share", "body_share", "dense_hu"}
    assert all(second[name][0] <= first[name][0] and first[name][1] <= second[name][1] for name in first)
