"""RDN-CT: its network, its training on patches, and the contract."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from marview.errors import BadInput, MethodFailed
from marview.learning.recipe import read_recipe
from marview.learning.weights import About, save_weights
from marview.testing import check_method, phantom_case
from marview.worker.loading import made_in

HERE = Path(__file__).parent
SMALL = {"blocks": 2, "layers": 2, "growth": 4, "features": 4, "is_residual": True, "patch_px": 32, "patches": 2}


@pytest.fixture(scope="module")
def training():
    return made_in(HERE, read_recipe(HERE, "tiny").training)


def shaken(training):
    """A network whose last layer is not zero, so that it changes every image."""
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


def test_eight_slices_are_learned_by_heart(training, discs, learn_by_heart) -> None:
    pairs = discs(8, seed=3)
    y = torch.arange(48.0)[:, None]
    pairs = replace(pairs, clinical_mu=(pairs.truth_mu + 0.05 * torch.cos(y / 2)).clamp(min=0))
    settings = SMALL | {"growth": 8, "features": 12, "layers": 3, "patch_px": 48, "patches": 8}
    torch.manual_seed(0)
    network = training.build(settings)
    learn_by_heart(network, lambda _: training.losses(network, pairs, "all", settings)["image"], 150, 4e-3)
    network.eval()
    with torch.no_grad():
        before, after = (
            float(training.losses(each, pairs, "all", settings)["image"])
            for each in (training.build(settings).eval(), network)
        )
    assert after < 0.4 * before


def test_pictures_show_result_and_artifact(training, discs) -> None:
    pictures = training.pictures(shaken(training).eval(), discs(1), SMALL)
    assert set(pictures) == {"result", "artifact"}
    assert all(each.shape == (48, 48) for each in pictures.values())


def test_unknown_settings_are_refused(training) -> None:
    with pytest.raises(BadInput, match="RDN-CT are wrong"):
        training.build({"width": 4})


def test_the_method_keeps_the_contract(training, tmp_path: Path) -> None:
    folder = tmp_path / "rdn_ct"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("test_*", "__pycache__", "weights"))
    path = folder / "weights" / "bundled.safetensors"
    path.parent.mkdir()
    save_weights(path, shaken(training).state_dict(), About("rdn_ct", "1.0.0", SMALL, ("adn-256",)))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    facts = f'\n[[weights]]\nfile = "weights/bundled.safetensors"\nsha256 = "{digest}"\n'
    manifest = (HERE / "plugin.toml").read_text(encoding="utf-8").partition("[[weights]]")[0]
    text = f'{manifest}{facts}trained_on = "nothing"\nlicence = "MIT"\n'
    (folder / "plugin.toml").write_text(text, encoding="utf-8")
    assert check_method(folder) == []


def test_weights_of_another_network_are_refused(loaded, training, weights_job) -> None:
    other = training.build(SMALL | {"features": 8})
    with pytest.raises(MethodFailed, match="belong to another network"):
        loaded.method.run(phantom_case(), loaded.parameters({}), weights_job(other, SMALL))
