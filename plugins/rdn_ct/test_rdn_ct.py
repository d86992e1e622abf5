"""Tests for RDN-CT: the network, its training on patches, and the method interface."""

from pathlib import Path

import pytest
import torch

from marview.errors import BadInput, MethodFailed
from marview.learning.recipe import read_recipe
from marview.testing import check_method, phantom_case
from marview.worker.loading import made_in

HERE = Path(__file__).parent
SMALL = {"blocks": 2, "layers": 2, "growth": 4, "features": 4, "is_residual": True, "patch_px": 32, "patches": 2}


@pytest.fixture(scope="module")
def training():
    return made_in(HERE, read_recipe(HERE, "tiny").training)


def shaken(training):
    """Return a network whose output layer has nonzero weights, so that it changes every image."""
    torch.manual_seed(0)
    network = training.build(SMALL)
    torch.nn.init.normal_(network.last.weight, std=0.05)
    return network


@pytest.mark.parametrize(("size", "count"), [("paper", 13_761_537), ("bundled", 132_593), ("tiny", 1_393)])
def test_networks_have_the_parameter_counts_of_the_model_card(training, size: str, count: int) -> None:
    with torch.device("meta"):
        network = training.build(read_recipe(HERE, size).network)
    assert sum(each.numel() for each in network.parameters()) == count
    assert f"{count:,}" in (HERE / "README.md").read_text(encoding="utf-8")


def test_a_residual_network_begins_with_the_image_itself_at_any_size(training) -> None:
    seen = torch.rand(2, 1, 37, 29)
    assert torch.equal(training.build(SMALL)(seen), seen)
    assert training.build(SMALL | {"is_residual": False})(seen).shape == seen.shape


@pytest.mark.slow
def test_eight_slices_are_learned_by_heart(training, error_left) -> None:
    settings = SMALL | {"growth": 8, "features": 12, "layers": 3, "patch_px": 48, "patches": 8}
    assert error_left(training, settings) < 0.4


def test_pictures_show_result_and_artifact(training, discs) -> None:
    pictures = training.pictures(shaken(training).eval(), discs(1), SMALL)
    assert set(pictures) == {"result", "artifact"}
    assert all(each.shape == (48, 48) for each in pictures.values())


def test_unknown_settings_are_refused(training) -> None:
    with pytest.raises(BadInput, match="RDN-CT are invalid"):
        training.build({"width": 4})


def test_the_method_keeps_the_contract(training, copy_with) -> None:
    assert check_method(copy_with(shaken(training), SMALL)) == []


def test_weights_of_another_network_are_refused(loaded, training, weights_job) -> None:
    other = training.build(SMALL | {"features": 8})
    with pytest.raises(MethodFailed, match="are for a different network"):
        loaded.method.run(phantom_case(), loaded.parameters({}), weights_job(other, SMALL))
