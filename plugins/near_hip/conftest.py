"""Fixtures for the near-hip tests: slices of a body, a case, pairs, and a job with neighbours."""

import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from marview.geometry import ParallelBeam
from marview.methods.api import Cancelled, MarCase
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from marview.projection import Projector
from marview.worker.loading import LoadedMethod
from marview.worker.neighbours import no_neighbours

SIZE, PIXEL_MM = 64, 6.0
SMALL: dict[str, Any] = {
    "channels": 4,
    "size_px": 64,
    "views": 45,
    "fold": 1,
    "start": "li",
    "begin": "nothing",
    "steps": 12,
    "learning_rate": 3e-3,
}


def bodies(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return similar slices of a body in HU, and their metal masks."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    slices, masks = [], []
    for k in range(count):
        hu = np.where((x / (24 + 0.3 * k)) ** 2 + (y / 17) ** 2 < 1, 40.0, -1000.0)
        hu[np.hypot(x - 12, y - 1) < 6 + 0.1 * k] = 700
        hu[np.hypot(x + 12, y - 1) < 6] = 500
        slices.append(hu + rng.normal(0, 5, hu.shape))
        masks.append(np.hypot(x - 12, y - 1 - 0.2 * k) < 2.5)
    return torch.from_numpy(np.float32(slices)).clamp(min=-1000), torch.from_numpy(np.array(masks))


class Job:
    """Stub job with neighbouring slices and a method's weights.

    A test can cancel the job, and can widen the metal masks of the neighbouring slices along the rows.
    """

    device = torch.device("cpu")
    log = logging.getLogger("test")

    def __init__(
        self, slices: int = 6, stops_after: int = 10**9, grown_px: int = 0, loaded: LoadedMethod | None = None
    ) -> None:
        self.slices, self.left, self.grown_px, self.loaded = slices, stops_after, grown_px, loaded
        self.reads = 0
        self.fractions: list[float] = []
        self.learned: list[tuple[float, str]] = []

    def progress(self, fraction: float, text: str = "") -> None:
        self.fractions.append(fraction)

    def learning(self, fraction: float, text: str = "") -> None:
        assert not self.fractions, "what is learned is learned before anything is corrected"
        self.learned.append((fraction, text))

    def output(self, name: str, slice_index: int, array: Tensor) -> None: ...

    def check_cancelled(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled

    def neighbours(self, count: int) -> tuple[Tensor, Tensor]:
        clean, masks = bodies(self.slices) if self.slices else no_neighbours(count)
        return clean[:count], (masks | masks.roll(self.grown_px, dims=2))[:count]

    def weights(self, file: str) -> dict[str, Tensor]:
        assert self.loaded is not None
        self.reads += 1
        return self.loaded.weights(file, "cpu")

    def about_weights(self, file: str) -> dict[str, str]:
        assert self.loaded is not None
        return self.loaded.about_weights(file)


def case() -> tuple[MarCase, Tensor]:
    """Return a case with beam hardening caused by metal, and its metal-free sinogram."""
    clean, masks = bodies(1, seed=9)
    beam = ParallelBeam(views=90, bins=93, bin_mm=PIXEL_MM)
    projector = Projector(beam, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM)
    free, chord = projector.forward(hu_to_mu(clean)), projector.forward(masks.float())
    sinogram = free + 2 * torch.tanh(chord)
    image = mu_to_hu(projector.fbp(sinogram)).clamp(min=-1000)
    return MarCase(image, masks, PIXEL_MM, beam, [5], sinogram, chord > 0), free


class Says(nn.Module):
    """Stub network with a constant output."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number

    def forward(self, seen: Tensor) -> Tensor:
        return torch.full_like(seen[:, :1], self.number)


def pairs(room, batch: int = 1, seed: int = 0):
    clean, masks = bodies(8)
    patient = room.patient.Patient.of(room.patient.SmallScan(64, 45, SIZE * PIXEL_MM), clean, masks)
    return room.patient.NearHipPairs((patient,), batch, seed)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Return a folder with metal-free slices of a body: some are darker, and one is held out."""
    clean, _ = bodies(5)
    clean[2:4] = 0.9 * (clean[2:4] + 1000) - 1000
    pages = [Image.fromarray(((each + 1024) / 2).numpy().astype(np.uint16)) for each in clean]
    pages[0].save(tmp_path / "mine.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "validation.tif")
    rows = ["file,page,collection,licence", *(f"mine.tif,{k},Ours,MIT" for k in range(4))]
    (tmp_path / "index.csv").write_text("\n".join(rows), encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """Return this module, so that tests can use its helper functions."""
    return sys.modules[__name__]
