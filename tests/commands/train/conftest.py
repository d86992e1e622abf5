"""A tiny network to train, special cases of it, and a scan without metal."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from marview.mar import discovery

TRAINING = """
import torch
from torch import nn
from marview.learning.api import ONE_TURN
from marview.learning.losses import l1

class Net:
    turns = ONE_TURN
    factor = 1.0

    def build(self, settings):
        return nn.Conv2d(2, settings["width"], 3, padding=1)

    def parameters(self, network, turn):
        return network.parameters()

    def image(self, network, pairs):
        return pairs.li_image + network(torch.stack([pairs.image, pairs.li_image], 1)).mean(1)

    def losses(self, network, pairs, turn, settings):
        return {"image": self.factor * l1(self.image(network, pairs), pairs.truth_mu, ~pairs.metal)}

    def pictures(self, network, pairs, settings):
        return {"result": self.image(network, pairs)[0]}

class Spoilt(Net):
    factor = float("nan")

class SpoiltLater(Net):
    steps = 0

    def losses(self, network, pairs, turn, settings):
        self.steps += network.training
        self.factor = 1.0 if self.steps < 2 else float("nan")
        return super().losses(network, pairs, turn, settings)

class Asked(Net):
    def losses(self, network, pairs, turn, settings):
        if network.training:
            import signal
            signal.raise_signal(signal.SIGINT)
        return super().losses(network, pairs, turn, settings)

class Own(Net):
    def sources(self, asked):
        from marview.learning.api import Sources
        from marview.learning.bank import read_banks
        from marview.learning.pairs import ValidationPairs

        assert asked.data.name == "patient"
        assert asked.is_patient
        bank = read_banks(asked.data, asked.tell).training
        batches = (ValidationPairs(bank, asked.recipe.data, asked.device, seed) for seed in (1, 2))
        return Sources(*batches, f"{len(bank)} slices of one scan")

class Broken(Net):
    def losses(self, network, pairs, turn, settings):
        return {"image": self.image(network, pairs) - pairs.truth_mu[:, :1, :7]}

class Hungry(Net):
    def losses(self, network, pairs, turn, settings):
        if network.training:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().losses(network, pairs, turn, settings)
"""
RECIPE = """
training = "training:{kind}"
[network]
width = 2
[optimiser]
learning_rate = 1e-3
[data]
protocols = ["adn-256"]
phantoms = 0.0
reprojected = 0.0
reuse = 4
[data.metal]
implants = 0.0
[run]
steps = 8
validate_every = 100
validation_batches = 1
"""
MANIFEST = """
id = "{id}"
title = "A small network"
version = "1.0.0"
api = 1
entry = "method:Small"
"""
METHOD = """
from pydantic import BaseModel

class Small:
    class Parameters(BaseModel):
        pass

    def run(self, case, parameters, job):
        raise NotImplementedError
"""


@pytest.fixture(autouse=True)
def methods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own methods: a small one, and special cases."""
    folder = tmp_path / "methods"
    kinds = {"small": "Net", "spoilt": "Spoilt", "later": "SpoiltLater", "asked": "Asked", "own": "Own"}
    for name, kind in (kinds | {"hungry": "Hungry", "broken": "Broken"}).items():
        (folder / name / "recipes").mkdir(parents=True)
        (folder / name / "plugin.toml").write_text(MANIFEST.format(id=name), encoding="utf-8")
        (folder / name / "method.py").write_text(METHOD, encoding="utf-8")
        (folder / name / "training.py").write_text(TRAINING, encoding="utf-8")
        (folder / name / "recipes" / "tiny.toml").write_text(RECIPE.format(kind=kind), encoding="utf-8")
    monkeypatch.setattr(discovery, "user_plugins", lambda: folder)
    return folder


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    y, x = np.mgrid[:96, :96] - 47.5
    inside = (x / 42) ** 2 + (y / 30) ** 2 < 1
    pages = [Image.fromarray(np.where(inside, 520 + 10 * k, 12).astype(np.uint16)) for k in range(4)]
    folder = tmp_path / "scans"
    folder.mkdir()
    pages[0].save(folder / "mine.tif", save_all=True, append_images=pages[1:])
    return folder
