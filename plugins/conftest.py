"""What the tests of all methods need: the method of their folder as a worker loads it, doubles, a training by heart."""

import importlib
import json
import logging
import math
from collections.abc import Callable
from typing import Any, Self

import pytest
import torch
from torch import Tensor, nn

from marview.learning.weights import About
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


class Gives(nn.Module):
    """A network that is a known function."""

    def __init__(self, what: Any) -> None:
        super().__init__()
        self.what = what
        self.seen: list[Tensor] = []

    def forward(self, *seen: Tensor) -> Tensor:
        self.seen = list(seen)
        made: Tensor = self.what(*seen)
        return made


@pytest.fixture(scope="session")
def gives() -> type[Gives]:
    """Makes such networks."""
    return Gives


class WeightsJob:
    """A job whose weights were never written to a file; it remembers what was shown."""

    device = torch.device("cpu")
    log = logging.getLogger("test")

    def __init__(self, network: nn.Module, settings: dict[str, Any], limits: dict[str, Any] | None = None) -> None:
        self.shown: list[tuple[str, int]] = []
        self._weights = {name: tensor.half() for name, tensor in network.state_dict().items()}
        about = About("written_for_a_test", "1.0.0", settings, ("syndeeplesion-640",))
        self._about = about.as_metadata() | {"limits": json.dumps(limits or {})}

    @classmethod
    def bundled(cls, loaded: LoadedMethod) -> Self:
        """With the weights that come with a method."""
        [named] = loaded.manifest.weights
        job = cls(nn.Identity(), {})
        job._weights, job._about = loaded.weights(named.file, "cpu"), loaded.about_weights(named.file)
        return job

    def progress(self, fraction: float, text: str = "") -> None:
        assert 0 <= fraction <= 1

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        self.shown.append((name, slice_index))

    def check_cancelled(self) -> None: ...

    def weights(self, file: str) -> dict[str, Tensor]:
        return self._weights

    def about_weights(self, file: str) -> dict[str, str]:
        return self._about


@pytest.fixture(scope="session")
def weights_job() -> type[WeightsJob]:
    """Makes such jobs."""
    return WeightsJob


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
