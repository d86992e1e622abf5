"""Fixtures for all method tests: the loaded method, test doubles, training pairs and overfitting."""

import hashlib
import importlib
import json
import logging
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from marview.geometry import FanBeamFlat
from marview.learning.api import Pairs
from marview.learning.weights import About, save_weights
from marview.projection import Projector
from marview.worker.loading import LoadedMethod, load_method


@pytest.fixture(scope="module")
def loaded(request: pytest.FixtureRequest) -> LoadedMethod:
    """Load the method whose folder contains the test module."""
    return load_method(request.path.parent)


class Room:
    """Access to a method's own modules by name."""

    def __init__(self, package: str) -> None:
        self._package = package

    def __getattr__(self, name: str) -> Any:
        return importlib.import_module(f"{self._package}.{name}")


@pytest.fixture(scope="module")
def room(loaded: LoadedMethod) -> Room:
    """Return the modules of the tested method."""
    return Room(type(loaded.method).__module__.rpartition(".")[0])


class Gives(nn.Module):
    """Stub network that applies a given function and records its inputs."""

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
    """Return the `Gives` class, which makes a stub network from a function."""
    return Gives


class WeightsJob:
    """Stub job that keeps weights in memory and records the names of its output images."""

    device = torch.device("cpu")
    log = logging.getLogger("test")

    def __init__(self, network: nn.Module, settings: dict[str, Any], limits: dict[str, Any] | None = None) -> None:
        self.shown: list[tuple[str, int]] = []
        self._weights = {name: tensor.half() for name, tensor in network.state_dict().items()}
        about = About("written_for_a_test", "1.0.0", settings, ("syndeeplesion-640",))
        self._about = about.as_metadata() | {"limits": json.dumps(limits or {})}

    @classmethod
    def bundled(cls, loaded: LoadedMethod) -> Self:
        """Return a job with a method's bundled weights."""
        [named] = loaded.manifest.weights
        job = cls(nn.Identity(), {})
        job._weights, job._about = loaded.weights(named.file, "cpu"), loaded.about_weights(named.file)
        return job

    def progress(self, fraction: float, text: str = "") -> None:
        assert 0 <= fraction <= 1

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        self.shown.append((name, slice_index))

    def check_cancelled(self) -> None: ...

    def beside(self, slice_index: int, reach: int) -> Tensor:
        return torch.empty(0, 1, 1)

    def weights(self, file: str) -> dict[str, Tensor]:
        return self._weights

    def about_weights(self, file: str) -> dict[str, str]:
        return self._about


@pytest.fixture(scope="session")
def weights_job() -> type[WeightsJob]:
    """Return the `WeightsJob` class."""
    return WeightsJob


@pytest.fixture
def copy_with(loaded: LoadedMethod, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that copies the tested method and bundles a network's weights with the copy."""

    def copy(network: nn.Module, settings: dict[str, Any]) -> Path:
        name, source = loaded.manifest.id, request.path.parent
        folder = tmp_path / name
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("test_*", "__pycache__", "weights"))
        path = folder / "weights" / "bundled.safetensors"
        path.parent.mkdir()
        save_weights(path, network.state_dict(), About(name, "1.0.0", settings, ("adn-256",)))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        facts = f'[[weights]]\nfile = "weights/bundled.safetensors"\nsha256 = "{digest}"\n'
        manifest = (source / "plugin.toml").read_text(encoding="utf-8").partition("[[weights]]")[0]
        text = f'{manifest}\n{facts}trained_on = "nothing"\nlicence = "MIT"\n'
        (folder / "plugin.toml").write_text(text, encoding="utf-8")
        return folder

    return copy


def _flat_beam(pixel_mm: float, size: int) -> FanBeamFlat:
    views, bins = (64, 75) if size >= 48 else (32, 47)
    return FanBeamFlat(
        views=views,
        bins=bins,
        source_to_isocentre_mm=3 * size * pixel_mm,
        source_to_detector_mm=6 * size * pixel_mm,
        bin_mm=2 * math.sqrt(2) * size / bins * pixel_mm,
    )


@pytest.fixture(scope="session")
def flat_beam() -> Callable[[float, int], FanBeamFlat]:
    """Return a function that makes a fan beam for a given pixel size and number of pixels."""
    return _flat_beam


def _discs(count: int = 1, seed: int = 0, size: int = 48, *, is_clinical: bool = False) -> Pairs:
    rng = np.random.default_rng(seed)
    pixel_mm = 153.6 / size
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    truth, metal = [], []
    for _ in range(count):
        image = np.where((x / rng.uniform(16, 20)) ** 2 + (y / rng.uniform(12, 16)) ** 2 < 1, 0.2, 0.0)
        image[np.hypot(x - rng.uniform(4, 8), y - 2) < 3.5] = 0.35
        truth.append(image)
        metal.append(np.hypot(x + rng.uniform(2, 6), y + rng.uniform(-4, 4)) < 2.2)
    truth_mu, solid = torch.from_numpy(np.float32(truth)), torch.from_numpy(np.array(metal))
    projector = Projector(_flat_beam(pixel_mm, size), shape=(size, size), pixel_mm=pixel_mm)
    free, through = projector.forward(truth_mu), projector.forward(2.4 * solid)
    sinogram = free + 3 * torch.tanh(through / 3)
    clinical = projector.fbp(sinogram).clamp(min=0) if is_clinical else None
    return Pairs(
        truth_mu=truth_mu,
        metal=solid,
        sinogram=sinogram if clinical is None else projector.forward(clinical),
        metal_free_sinogram=free,
        trace=projector.trace(solid),
        projector=projector,
        clinical_mu=clinical,
    )


@pytest.fixture(scope="session")
def discs() -> Callable[..., Pairs]:
    """Return a function that makes training pairs of bodies with a bone and a rod that hardens the beam."""
    return _discs


@pytest.fixture
def learn_by_heart() -> Callable[..., None]:
    """Return a function that overfits a network to a few slices, using Adam and a cosine schedule."""

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


@pytest.fixture
def error_left(discs: Callable[..., Pairs], learn_by_heart: Callable[..., None]) -> Callable[..., float]:
    """Return a function that trains a network to remove stripes and returns the remaining error.

    The network learns from eight slices. The error is a fraction of the untrained network's error.
    """

    def learn(training: Any, settings: dict[str, Any]) -> float:
        pairs = discs(8, seed=3)
        y = torch.arange(48.0)[:, None]
        pairs = replace(pairs, clinical_mu=(pairs.truth_mu + 0.05 * torch.cos(y / 2)).clamp(min=0))

        def error(network: nn.Module) -> Tensor:
            loss: Tensor = training.losses(network, pairs, "all", settings)["image"]
            return loss

        torch.manual_seed(0)
        network = training.build(settings)
        learn_by_heart(network, lambda _: error(network), 150, 4e-3)
        with torch.no_grad():
            return float(error(network.eval()) / error(training.build(settings).eval()))

    return learn
