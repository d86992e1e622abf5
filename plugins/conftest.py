"""What the tests of all methods need: the method of their folder as a worker loads it, and a training by heart."""

import importlib
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from marview.worker.loading import LoadedMethod, load_method


@pytest.fixture(scope="module")
def loaded(request: pytest.FixtureRequest) -> LoadedMethod:
    """The method beside whose code the tests lie."""
    return load_method(request.path.parent)


class Room:
    """A method's own modules, by name."""

    def __init__(self, package: str) -> None:
        self._package = package

    def __getattr__(self, name: str) -> Any:
        return importlib.import_module(f"{self._package}.{name}")


@pytest.fixture(scope="module")
def room(loaded: LoadedMethod) -> Room:
    """The modules of that method."""
    return Room(type(loaded.method).__module__.rpartition(".")[0])


@pytest.fixture
def learn_by_heart() -> Callable[..., None]:
    """Train a network on the same few slices: Adam, its rate falling along half a cosine."""

    def learn(network: nn.Module, loss: Callable[[int], Tensor], steps: int, rate: float) -> None:
        adam = torch.optim.Adam(network.parameters(), rate)
        network.train()
        for step in range(steps):
            for group in adam.param_groups:
                group["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2 * min(1, (step + 1) / 20)
            adam.zero_grad()
            loss(step).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            adam.step()

    return learn
