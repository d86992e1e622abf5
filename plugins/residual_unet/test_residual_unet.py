"""Tests for the residual U-Net: the network, its training on patches, and the corrected images."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from marview.errors import BadInput, MethodFailed
from marview.learning.recipe import read_recipe
from marview.testing import check_method, phantom_case
from marview.worker.loading import made_in

HERE = Path(__file__).parent
SMALL = {"base": 4, "fold": 2, "has_norm": False, "patch_px": 32, "patches": 2}
COARSE = SMALL | {"blocks": 1}


@pytest.fixture(scope="module")
def training():
    return made_in(HERE, read_recipe(HERE, "tiny").training)


def shaken(training, settings=SMALL):
    """Return a network whose output layer has nonzero weights, so that it changes every image."""
    torch.manual_seed(0)
    network = training.build(settings)
    last = getattr(network.unet, "generator", network.unet).last
    torch.nn.init.normal_(last.weight, std=0.01)
    return network


def test_the_paper_size_is_the_published_u_net(training) -> None:
    with torch.device("meta"):
        network = training.build(read_recipe(HERE, "paper").network)
    assert sum(each.numel() for each in network.parameters()) == 13_394_177


def test_the_bundled_size_has_residual_blocks_at_its_coarse_level(training) -> None:
    with torch.device("meta"):
        network = training.build(read_recipe(HERE, "bundled").network)
    assert sum(each.numel() for each in network.parameters()) == 2_246_948
    assert network.fold == 8


@pytest.mark.parametrize("size", ["paper", "bundled", "tiny"])
def test_recipes_learn_from_pairs(size: str) -> None:
    assert read_recipe(HERE, size).data.kind == "pairs"


@pytest.mark.parametrize("fold", [1, 2, 4])
def test_a_network_begins_with_the_image_itself(training, fold: int) -> None:
    seen = torch.rand(2, 1, 36, 28)
    assert torch.equal(training.build(SMALL | {"fold": fold})(seen), seen)


@pytest.mark.parametrize("fold", [1, 2, 4])
def test_a_network_with_residual_blocks_begins_with_the_image_itself(training, fold: int) -> None:
    network = training.build(COARSE | {"fold": fold})
    seen = torch.rand(2, 1, 64, 80)
    assert torch.equal(network(seen), seen)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [SMALL, COARSE], ids=["published", "coarse"])
def test_eight_slices_are_learned_by_heart(training, error_left, settings) -> None:
    assert error_left(training, settings | {"base": 8, "patch_px": 48, "patches": 8}) < 0.3


def test_metal_is_to_stay_as_it_is(training, discs) -> None:
    pairs = discs(2)
    with torch.no_grad():
        losses = training.losses(training.build(SMALL).eval(), pairs, "all", SMALL)
    error = (pairs.image.clamp(0, 0.5) - pairs.truth_mu).abs() * ~pairs.metal
    assert float(losses["image"]) == pytest.approx(float(error.mean()) * 4, rel=1e-4)


def test_the_loss_may_leave_metal_out(training, discs) -> None:
    settings, pairs = SMALL | {"holds_metal": False}, discs(2)
    with torch.no_grad():
        losses = training.losses(training.build(settings).eval(), pairs, "all", settings)
    error = (pairs.image.clamp(0, 0.5) - pairs.truth_mu).abs()[~pairs.metal]
    assert float(losses["image"]) == pytest.approx(float(error.mean()) * 4, rel=1e-4)


def test_clean_patches_ask_for_no_change(training, discs) -> None:
    settings = SMALL | {"clean_share": 1.0}
    network = training.build(settings)
    assert float(training.losses(network, discs(1), "all", settings)["image"].detach()) == 0


def test_large_errors_may_weigh_more(training, discs) -> None:
    settings, pairs = SMALL | {"rms": 0.5}, discs(1)
    with torch.no_grad():
        losses = training.losses(training.build(settings).eval(), pairs, "all", settings)
    squares = ((pairs.image.clamp(0, 0.5) - pairs.truth_mu) * ~pairs.metal).square()
    assert float(losses["rms"]) == pytest.approx(float(squares.mean().sqrt()) * 4 * 0.5, rel=1e-3)


@pytest.mark.parametrize("is_training", [True, False])
def test_a_network_that_keeps_the_image_loses_no_faint_lesion(training, discs, *, is_training: bool) -> None:
    settings = SMALL | {"contrast": 2.0}
    network = training.build(settings).train(is_training)
    losses = training.losses(network, discs(2), "all", settings)
    assert float(losses["contrast"].detach()) == pytest.approx(0, abs=1e-3)
    assert "contrast" not in training.losses(network, discs(2), "all", SMALL)


def test_a_network_that_makes_the_same_image_of_everything_loses_all_faint_lesions(training, discs, gives) -> None:
    network = gives(torch.zeros_like).eval()
    losses = training.losses(network, discs(2), "all", SMALL | {"contrast": 2.0})
    assert float(losses["contrast"]) == pytest.approx(2, rel=1e-3)


def test_unknown_settings_are_refused(training) -> None:
    with pytest.raises(BadInput, match="the residual U-Net are invalid"):
        training.build({"width": 4})


@pytest.mark.parametrize("settings", [SMALL, COARSE], ids=["published", "coarse"])
def test_the_method_keeps_the_contract(training, copy_with, settings) -> None:
    assert check_method(copy_with(shaken(training, settings), settings)) == []


def test_half_the_strength_removes_half_of_the_artifact_image(loaded, training, weights_job) -> None:
    job, case = weights_job(shaken(training), SMALL), phantom_case()
    shown: dict[int, Tensor] = {}
    job.output = lambda name, index, picture: shown.update({index: picture} if name == "artifact" else {})
    result = loaded.method.run(case, loaded.parameters({}), job)
    assert torch.allclose(case.hu - torch.stack(list(shown.values())), result.hu, atol=0.01)
    assert float((result.hu - case.hu).abs().max()) > 1
    half = loaded.method.run(case, loaded.parameters({"strength": 0.5}), job)
    assert torch.allclose(half.hu, (case.hu + result.hu) / 2, atol=0.01)


def test_weights_of_another_network_are_refused(loaded, training, weights_job) -> None:
    other = training.build(SMALL | {"base": 8})
    with pytest.raises(MethodFailed, match="are for a different network"):
        loaded.method.run(phantom_case(), loaded.parameters({}), weights_job(other, SMALL))
