"""A tiny network, and cheap pairs of discs with a metal rod."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from marview.geometry import ParallelBeam
from marview.learning.api import ONE_TURN, Pairs
from marview.learning.bank import Bank
from marview.learning.loop import Training
from marview.learning.losses import l1, l2
from marview.learning.machine import Machine
from marview.learning.plan import Plan
from marview.learning.recipe import Recipe
from marview.projection import Projector

SIZE = 32
PROJECTOR = Projector(ParallelBeam(views=24, bins=47, bin_mm=4.0), shape=(SIZE, SIZE), pixel_mm=4.0)


def disc_pairs(number: int) -> Pairs:
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    truth = np.where(np.hypot(x, y) < 12, 0.19 + 0.02 * rng.standard_normal((SIZE, SIZE)), 0.0)
    metal = np.hypot(x - rng.uniform(-6, 6), y - rng.uniform(-6, 6)) < 2.2
    truth_mu = torch.from_numpy(truth.astype(np.float32))[None]
    solid = torch.from_numpy(metal)[None]
    free, chord = PROJECTOR.forward(truth_mu), PROJECTOR.forward(solid.float())
    return Pairs(
        truth_mu=truth_mu,
        metal=solid,
        sinogram=free + torch.tanh(chord),
        metal_free_sinogram=free,
        trace=chord > 0,
        projector=PROJECTOR,
    )


@dataclass
class SmallNetwork:
    """Network that improves the LI image with two convolutions and noise; `spoil` can change its losses."""

    turns: tuple[str, ...] = ONE_TURN
    spoil: Callable[[dict[str, Tensor]], dict[str, Tensor]] = lambda losses: losses

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        width = settings["width"]
        first = nn.Sequential(nn.Conv2d(2, width, 3, padding=1), nn.BatchNorm2d(width), nn.LeakyReLU())
        return nn.ModuleDict({"first": first, "last": nn.Conv2d(width, 1, 3, padding=1)})

    def parameters(self, network: nn.Module, turn: str) -> Iterable[nn.Parameter]:
        return network.parameters() if turn == "all" else network[turn].parameters()

    def corrected(self, network: nn.Module, pairs: Pairs) -> Tensor:
        seen = torch.stack([pairs.image, pairs.li_image], 1)
        return pairs.li_image + network["last"](network["first"](seen + 0.01 * torch.randn_like(seen)))[:, 0]

    def losses(self, network: nn.Module, pairs: Pairs, turn: str, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        image = self.corrected(network, pairs)
        return self.spoil({"image": l1(image, pairs.truth_mu, ~pairs.metal), "square": l2(image, pairs.truth_mu)})

    def pictures(self, network: nn.Module, pairs: Pairs, settings: Mapping[str, Any]) -> dict[str, Tensor]:
        return {"result": self.corrected(network, pairs)[0], "sinogram": pairs.li_sinogram[0]}


def small_recipe(*, steps: int = 8, optimiser: Mapping[str, Any] | None = None, **run: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "training": "training:SmallNetwork",
            "network": {"width": 3},
            "optimiser": {"learning_rate": 0.01, "ema": 0.9, **(optimiser or {})},
            "data": {"reuse": 2},
            "run": {"steps": steps, "validate_every": 4, "validation_batches": 2, **run},
        }
    )


@pytest.fixture(scope="session")
def small() -> SimpleNamespace:
    """The small network, its recipe and its pairs."""
    return SimpleNamespace(Network=SmallNetwork, recipe=small_recipe, pairs=disc_pairs)


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., Training]:
    """Starts or resumes the training of a small network."""

    def call(
        folder: str = "run",
        recipe: Recipe | None = None,
        trainable: SmallNetwork | None = None,
        *,
        pairs: Callable[[int], Pairs] = disc_pairs,
        is_resumed: bool = False,
        begins_with: Path | None = None,
    ) -> Training:
        plan = Plan(
            method="small",
            version="1.0.0",
            trainable=trainable or SmallNetwork(),
            recipe=recipe or small_recipe(),
            pairs=pairs,
            validation=lambda number: disc_pairs(1000 + number),
            folder=tmp_path / folder,
            machine=Machine("cpu"),
            begins_with=begins_with,
        )
        return Training(plan, is_resumed=is_resumed)

    return call


@pytest.fixture(scope="session")
def bank() -> Bank:
    """Two bodies with a bone in them, 128 x 128."""
    y, x = np.mgrid[:128, :128] - 63.5
    slices = []
    for wide in (50, 56):
        hu = np.where((x / wide) ** 2 + (y / 38) ** 2 < 1, 40, -1000).astype(np.int16)
        hu[(x / 14) ** 2 + ((y - 18) / 9) ** 2 < 1] = 600
        slices.append(hu)
    return Bank(slices, ["small", "large"])
