"""Recipes are data; wrong entries give messages."""

from pathlib import Path

import pytest

from marview.errors import BadInput, UsageError
from marview.learning.recipe import read_recipe
from marview.mar import discover
from marview.paths import bundled_plugins
from marview.worker.loading import made_in

WHOLE = """
training = "training:Net"
[network]
width = 4
[optimiser]
learning_rate = 1e-3
[run]
steps = 10
"""


def written(folder: Path, text: str) -> Path:
    (folder / "recipes").mkdir(parents=True)
    (folder / "recipes" / "tiny.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_recipe_needs_little(tmp_path: Path) -> None:
    recipe = read_recipe(written(tmp_path, WHOLE), "tiny")
    assert recipe.network == {"width": 4}
    assert recipe.data.protocols


@pytest.mark.parametrize(
    ("from_", "to", "says"),
    [
        ("steps = 10", "steps = 0", r"run.steps must be 1 or more, not 0"),
        ("steps = 10", "", "run.steps is missing"),
        ("width = 4", "width = 4\n[colour]\nred = 1", "There is no field colour"),
        ("1e-3", "-1", "optimiser.learning_rate must be more than 0, not -1"),
        ("[run]", '[data]\nprotocols = ["sdl"]\n[run]', "There is no protocol 'sdl'. Choose one of"),
        ("[run]", '[data.metal]\nmaterials = ["lead"]\n[run]', "There is no material 'lead'"),
        ('"training:Net"', '"training.py"', "training: 'training.py' does not name a class"),
        ("[run]", "[run", "cannot be read as a TOML file"),
    ],
)
def test_wrong_entries_are_named(tmp_path: Path, from_: str, to: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read_recipe(written(tmp_path, WHOLE.replace(from_, to)), "tiny")


def test_a_size_that_is_not_there_gives_a_message(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no recipe of size 'paper'\. Choose one of tiny\."):
        read_recipe(written(tmp_path, WHOLE), "paper")


def test_a_method_without_recipes_gives_a_message(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to train"):
        read_recipe(tmp_path, "paper")


def test_the_recipes_of_bundled_methods_are_whole() -> None:
    for listing in discover():
        if listing.origin == "bundled":
            for path in (listing.folder / "recipes").glob("*.toml"):
                read_recipe(listing.folder, path.stem)


@pytest.mark.parametrize(
    ("method", "wrong", "says"),
    [
        ("cnnmar", {"width": 0}, "of CNNMAR are invalid: width must be 1 or more, not 0"),
        ("deep_sinogram_completion", {"prior_base": "wide"}, "of deep sinogram completion are invalid: prior_base"),
        ("dudonet", {"sinogram_net": "none", "image_net": False}, "of DuDoNet are invalid: there is nothing to learn"),
        ("near_hip", {"start": "fbp"}, "of the near-hip network are invalid: start must be"),
    ],
)
def test_wrong_network_settings_are_named(method: str, wrong: dict[str, object], says: str) -> None:
    recipe = read_recipe(bundled_plugins() / method, "tiny")
    trainable = made_in(bundled_plugins() / method, recipe.training)
    with pytest.raises(BadInput, match=says):
        trainable.build(recipe.network | wrong)
    with pytest.raises(BadInput, match=r"There is no field colour\. Correct the \[network\] table"):
        trainable.build(recipe.network | {"colour": 1})
