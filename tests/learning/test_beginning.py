"""Initial weights from another network of the method, as far as they fit."""

import hashlib
from pathlib import Path

import pytest
import torch
from torch import nn

from marview.errors import BadInput, UsageError
from marview.learning.beginning import begin_with
from marview.learning.model_card import card
from marview.learning.run_folder import WEIGHTS
from marview.learning.state import STATE
from marview.learning.weights import About, save_weights


def network(first: int = 3, last: int = 2) -> nn.ModuleDict:
    return nn.ModuleDict({"first": nn.Conv2d(2, first, 3), "last": nn.Conv2d(3, last, 1), "norm": nn.BatchNorm2d(4)})


def saved(path: Path, weights: nn.Module, method: str = "small") -> Path:
    save_weights(path, weights.state_dict(), About(method, "1.2.0", {}, ("adn-256",), steps=1500))
    return path


def test_fitting_tensors_are_copied_and_the_rest_stays_as_built(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs, ours = network(last=5), network()
    built = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    path = saved(tmp_path / "other.safetensors", theirs)
    found = begin_with(ours, path, "small")
    wanted = {name: tensor.half().float() for name, tensor in theirs.first.state_dict().items()}
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in ours.first.state_dict().items())
    assert all(torch.equal(tensor, built["last." + name]) for name, tensor in ours.last.state_dict().items())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    said = f"first and norm of other.safetensors (1.2.0, 1,500 steps, sha256 {digest}); random weights for last"
    assert str(found) == said
    assert str(tmp_path) not in str(found)


def test_a_part_with_some_fitting_tensors_is_named_so(tmp_path: Path) -> None:
    theirs = network()
    theirs["last"] = nn.Conv2d(7, 2, 1)  # only its bias fits
    assert begin_with(network(), saved(tmp_path / "a.safetensors", theirs), "small").mixed == ("last",)


def test_steps_of_the_run_start_at_zero_and_other_counters_are_copied(tmp_path: Path) -> None:
    theirs, ours = network(), network()
    for each in (theirs, ours):
        each.register_buffer("steps", torch.tensor(0))
        each.register_buffer("autoencoder_steps", torch.tensor(0))
    theirs.steps += 1500
    theirs.autoencoder_steps += 300
    found = begin_with(ours, saved(tmp_path / "a.safetensors", theirs), "small")
    assert int(ours.steps) == 0
    assert int(ours.autoencoder_steps) == 300
    assert str(found).endswith(")")


def test_weights_of_another_method_or_of_nothing_alike_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="contains weights of large; small can only start from its own"):
        begin_with(network(), saved(tmp_path / "a.safetensors", network(), "large"), "small")
    with pytest.raises(UsageError, match=r"No tensor in .* matches a tensor of the new network"):
        begin_with(nn.Conv2d(2, 2, 3), saved(tmp_path / "b.safetensors", network()), "small")
    (tmp_path / "c.safetensors").write_bytes(b"nothing")
    with pytest.raises(BadInput, match="cannot be read as weights"):
        begin_with(network(), tmp_path / "c.safetensors", "small")


@pytest.mark.parametrize("file", [WEIGHTS, STATE])
def test_a_run_starts_from_the_average_of_another_run(begin, small, tmp_path: Path, file: str) -> None:
    earlier = begin("earlier", small.recipe(steps=3))
    earlier.run()
    wanted = earlier.learner.used.state_dict()
    later = begin("later", small.recipe(steps=2), begins_with=tmp_path / "earlier" / file)
    assert later.step == 0
    for learned in (later.learner.network, later.learner.used):
        for name, tensor in learned.state_dict().items():
            torch.testing.assert_close(tensor, wanted[name], atol=1e-3, rtol=1e-3)
    assert later.beginning is not None
    assert later.beginning.steps == 3
    later.run()
    again = begin("later", small.recipe(steps=4), is_resumed=True, begins_with=tmp_path / "nowhere")
    assert (again.step, again.beginning) == (2, None)


def test_the_card_says_what_the_run_began_with() -> None:
    data = {"protocols": ["adn-256"], "metal": {"materials": ["ti"]}, "reprojected": 0.3, "photons": [1, 1], "batch": 1}
    recipe = {"network": {}, "data": data, "run": {"steps": 2, "seed": 0}}
    recipe["optimiser"] = {"name": "adam", "learning_rate": 0.1}
    session = {"first_step": 0, "last_step": 2, "minutes": 1.0, "hardware": "CPU", "data": "slices"}
    names = ("title", "size", "method", "version", "marview", "torch")
    record = dict.fromkeys(names, "x") | {"parameters": 1, "recipe": recipe, "sessions": [session]}
    assert "initial weights" not in card(record, [])
    assert "| initial weights | first of other.safetensors |" in card(
        record | {"begins_with": "first of other.safetensors"}, []
    )
