"""Tests for training the near-hip network."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from marview.learning.api import OwnPairs
from marview.learning.recipe import read_recipe
from marview.worker.loading import made_in

HERE = Path(__file__).parent
SETTINGS = {"channels": 12, "fold": 1, "start": "li", "outside": 0.05, "block_views": 0, "block_bins": 0}


@pytest.mark.parametrize("size", ["paper", "bundled", "several", "tiny"])
def test_recipes_are_whole(size) -> None:
    recipe = read_recipe(HERE, size)
    trainable = made_in(HERE, recipe.training)
    assert isinstance(trainable, OwnPairs)
    count = sum(one.numel() for one in trainable.build(recipe.network).parameters())
    assert count == {"paper": 413_761, "tiny": 3_264}.get(size, 154_096)


@pytest.mark.parametrize("how", ["nothing", "li"])
def test_a_step_on_a_block_sees_what_the_whole_sinogram_has_there(room, made, monkeypatch, how) -> None:
    training, one = room.training.NearHipTraining(), made.pairs(room)(0)
    settings = SETTINGS | {"start": how, "block_views": 5, "block_bins": 10}
    seen, _ = training.shown(one, settings)
    places = room.training.block(one.trace, 5, 10)
    monkeypatch.setattr(room.training, "block", lambda *_: places)
    blocks: list[Tensor] = []

    class Looks(made.Says):
        def forward(self, seen: Tensor) -> Tensor:
            blocks.append(seen)
            return super().forward(seen)

    training.losses(Looks(0.0), one, "all", settings)
    for plane in range(seen.shape[1]):
        assert torch.equal(blocks[0][:, plane], seen[:, plane][places])


def test_a_block_is_of_neighbours_about_each_slice_s_own_trace(room) -> None:
    trace = torch.zeros(2, 12, 40, dtype=torch.bool)
    trace[0, :, 3:6] = trace[1, :, 30:33] = True
    places = torch.arange(12 * 40).view(1, 12, 40).expand(2, -1, -1)
    for _ in range(5):
        seen = places[room.training.block(trace, 5, 10)]
        assert seen.shape == (2, 5, 10)
        views, bins = seen // 40, seen % 40
        assert torch.all(views[:, 1:] - views[:, :-1] == 1)
        assert torch.all(bins[..., 1:] - bins[..., :-1] == 1)
        assert trace[room.training.block(trace, 5, 10)].any(dim=2).all()
    assert torch.equal(places[room.training.block(trace, 0, 0)], places)


@pytest.mark.parametrize(
    ("settings", "steps", "most"),
    [
        pytest.param(SETTINGS, 80, 0.7, marks=pytest.mark.slow),
        pytest.param(
            SETTINGS | {"start": "nmar", "fold": 4, "channels": 64, "outside": 0.0},
            2000,
            0.1,
            marks=[pytest.mark.slow, pytest.mark.timeout(1200)],
        ),
    ],
)
def test_eight_slices_are_learned_by_heart(room, made, learn_by_heart, settings, steps: int, most: float) -> None:
    """Training reduces the error in the trace to a fraction of linear interpolation's error."""
    torch.manual_seed(0)
    pairs, training = made.pairs(room, batch=4), room.training.NearHipTraining()
    network = training.build(settings)
    batches = [pairs(number) for number in range(2)]
    losses = training.losses
    learn_by_heart(network, lambda step: losses(network, batches[step % 2], "all", settings)["sinogram"], steps, 5e-3)
    for one in batches:
        with torch.no_grad():
            said = room.network.completed(network, *training.shown(one, settings), room.training.unit(one))
        wrong = [(each - one.metal_free_sinogram)[one.trace].square().mean().sqrt() for each in (said, one.li_sinogram)]
        assert float(wrong[0] / wrong[1]) < most
