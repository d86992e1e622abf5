"""Tests for training the deep sinogram completion networks, jointly or one after the other."""

from typing import Any

import pytest
import torch

from marview.errors import BadInput
from marview.learning.api import Pairs
from marview.learning.networks import line_unit
from marview.methods.trace_completion import hidden_share
from marview.physics.attenuation import MU_WATER


@torch.no_grad()
def test_losses_have_the_weights_of_the_paper(room: Any, made: Any, discs: Any) -> None:
    pairs = discs(2)
    completion = made.small(room)
    prior, completed, corrected = room.training.forward(completion, pairs)
    unit = line_unit(pairs.projector)
    losses = room.training.joint_losses(completion, pairs, completion.settings.losses)
    free = pairs.metal_free_sinogram
    image = (pairs.reconstruct(corrected) - pairs.truth_mu)[~pairs.metal].abs().mean()
    assert float(losses["prior"]) == pytest.approx(float((prior - pairs.truth_mu).abs().mean()), rel=1e-4)
    assert float(losses["sinogram"]) == pytest.approx(float((corrected - free).abs().mean()) / unit, rel=1e-4)
    assert float(losses["whole_sinogram"]) == pytest.approx(
        0.1 * float((completed - free).abs().mean()) / unit, rel=1e-4
    )
    assert float(losses["image"]) == pytest.approx(float(image), rel=1e-4)


def test_every_ablation_learns(room: Any, ablation: dict[str, Any], made: Any, discs: Any) -> None:
    pairs = discs()
    training = room.training.JointTraining()
    network = training.build(made.SMALL | ablation).train()
    losses = training.losses(network, pairs, "all", {})
    assert ("prior" in losses) is (ablation.get("prior") != "none")
    torch.stack(list(losses.values())).sum().backward()
    assert all(each.grad is not None for each in training.parameters(network, "all"))
    assert set(training.pictures(network, pairs, {})) == {"prior", "result", "corrected_sinogram"}


def test_a_block_of_views_teaches_both_networks_what_whole_slices_do(room: Any, made: Any, discs: Any) -> None:
    pairs = discs(2)
    training = room.training.JointTraining()
    network = training.build(made.SMALL | {"losses": {"block_share": 1.0, "block_views": made.VIEWS}}).train()
    block = training.losses(network, pairs, "all", {})
    assert set(block) == {"prior", "sinogram", "whole_sinogram"}
    whole = training.losses(network.eval(), pairs, "all", {})
    assert all(float(block[name].detach()) == pytest.approx(float(whole[name].detach()), rel=1e-4) for name in block)
    few = training.build(made.SMALL | {"losses": {"block_share": 1.0, "block_views": 32}}).train()
    torch.stack(list(training.losses(few, pairs, "all", {}).values())).sum().backward()
    assert all(each.grad is not None for each in few.parameters())


@torch.no_grad()
def test_a_perfect_prior_has_no_loss_in_patches_and_whole_slices(room: Any, made: Any, discs: Any) -> None:
    pairs = discs(2)
    trainable = room.prior_training.PriorTraining()
    network = trainable.build(made.ALONE).eval()
    start = room.network.classes(pairs.li_image, pairs.metal)
    hidden = hidden_share(pairs.projector, pairs.trace)
    square = (start - pairs.truth_mu).square() / (0.1 * MU_WATER) ** 2
    loss = float(trainable.losses(network, pairs, "all", made.ALONE)["prior"])
    assert loss == pytest.approx(float((square * hidden).sum() / hidden.sum()), rel=1e-3)
    assert loss > 0.01
    perfect = Pairs(start, pairs.metal, pairs.sinogram, pairs.metal_free_sinogram, pairs.trace, pairs.projector)
    for is_training in (False, True):
        assert float(trainable.losses(network.train(is_training), perfect, "all", made.ALONE)["prior"]) < 1e-9


def test_the_prior_alone_is_learned_from_patches(room: Any, made: Any, discs: Any) -> None:
    pairs = discs(2)
    trainable = room.prior_training.PriorTraining()
    torch.manual_seed(0)
    network = trainable.build(made.ALONE | {"prior_base": 8})
    optimiser = torch.optim.Adam(trainable.parameters(network, "all"), 3e-3)
    found = []
    for _ in range(40):
        found.append(trainable.losses(network.eval(), pairs, "all", made.ALONE)["prior"].detach())
        optimiser.zero_grad()
        trainable.losses(network.train(), pairs, "all", made.ALONE)["prior"].backward()
        optimiser.step()
    assert float(found[-1]) < 0.9 * float(found[0])
    assert set(trainable.pictures(network, pairs, made.ALONE)) == {"prior", "result", "corrected_sinogram"}


@pytest.mark.parametrize("settings", [{}, {"completion": "interpolation", "prior": "none"}], ids=str)
def test_training_of_the_prior_alone_refuses_other_networks(room: Any, settings: dict[str, Any], made: Any) -> None:
    with pytest.raises(BadInput, match="PriorNet alone"):
        room.prior_training.PriorTraining().build(made.SMALL | settings)


def test_sinonet_alone_begins_at_interpolation_and_learns_from_blocks_of_views(
    room: Any, made: Any, discs: Any
) -> None:
    pairs = discs(2)
    trainable = room.sinogram_training.SinogramTraining()
    torch.manual_seed(0)
    network = trainable.build(made.BEHIND | {"sinogram_base": 8})
    before = {name: tensor.clone() for name, tensor in network.prior_net.state_dict().items()}
    optimiser = torch.optim.Adam(trainable.parameters(network, "all"), 3e-3)

    def left() -> float:
        with torch.no_grad():
            return float(trainable.losses(network.eval(), pairs, "all", made.BEHIND)["sinogram"])

    assert 0.9 < left() < 1
    for _ in range(60):
        optimiser.zero_grad()
        trainable.losses(network.train(), pairs, "all", made.BEHIND)["sinogram"].backward()
        optimiser.step()
    assert left() < 0.8
    assert all(torch.equal(before[name], tensor) for name, tensor in network.prior_net.state_dict().items())
    assert set(trainable.pictures(network, pairs, made.BEHIND)) == {"prior", "result", "corrected_sinogram"}


def test_sinonet_alone_is_trained_behind_every_prior(
    room: Any, ablation: dict[str, Any], made: Any, discs: Any
) -> None:
    trainable = room.sinogram_training.SinogramTraining()
    if ablation.get("completion") == "interpolation":
        with pytest.raises(BadInput, match="SinogramTraining trains SinoNet"):
            trainable.build(made.SMALL | ablation)
        return
    network = trainable.build(made.SMALL | ablation).train()
    trainable.losses(network, discs(), "all", {})["sinogram"].backward()
    assert all(each.grad is not None for each in network.sinogram_net.parameters())
    if network.prior_net is not None:
        assert all(each.grad is None for each in network.prior_net.parameters())


@pytest.mark.slow  # a thousand steps
@pytest.mark.timeout(1200)
def test_eight_slices_are_learned_by_heart(room: Any, learn_by_heart: Any, made: Any, discs: Any) -> None:
    """Training reduces the error in the trace to less than a tenth of linear interpolation's error."""
    pairs = discs(8, seed=3, size=32)
    training = room.training.JointTraining()
    torch.manual_seed(0)
    widths = {"prior_base": 16, "sinogram_base": 16, "starts_at_zero": True, "start": "prior"}
    network = training.build(made.SMALL | widths | {"losses": {"sinogram": 30.0, "image": 0.3}})
    losses = training.losses
    learn_by_heart(network, lambda _: torch.stack(list(losses(network, pairs, "all", {}).values())).sum(), 1200, 5e-3)
    with torch.no_grad():
        _, _, corrected = room.training.forward(network, pairs)
    ours, li = (
        float((each - pairs.metal_free_sinogram)[pairs.trace].abs().mean()) for each in (corrected, pairs.li_sinogram)
    )
    assert ours < 0.1 * li
