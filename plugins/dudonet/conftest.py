"""What the tests of DuDoNet share: pairs and cases of discs, known functions for networks, jobs that have weights."""

import logging
import math
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from marview.geometry import FanBeamFlat
from marview.learning.api import Pairs
from marview.learning.weights import About
from marview.physics.attenuation import mu_to_hu
from marview.projection import Projector
from marview.worker.api import MarCase
from marview.worker.loading import LoadedMethod

SIZE, VIEWS, BINS = 48, 64, 75
PIXEL_MM = 153.6 / SIZE
SMALL: dict[str, Any] = {"sinogram_base": 4, "image_base": 4, "has_norm": False, "inversion": "direct"}

STAGED: dict[str, Any] = {
    "is_residual": True,
    "starts_at_zero": True,
    "sinogram_start": "nmar",
    "image_start": "inverted",
    "is_relative": True,
    "sees_metal": True,
    "sees_hidden": True,
    "patches": {"edge_px": 32, "count": 3},
    "blocks": {"views": 32, "count": 3},
}
"""What the weights that come with marview ask for besides the paper, begun without a change."""


def discs(count: int = 1, seed: int = 0, *, is_clinical: bool = False) -> Pairs:
    """Discs with a bone and a rod that hardens the beam."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    truth, metal = [], []
    for _ in range(count):
        image = np.where((x / rng.uniform(16, 20)) ** 2 + (y / rng.uniform(12, 16)) ** 2 < 1, 0.2, 0.0)
        image[np.hypot(x - rng.uniform(4, 8), y - 2) < 3.5] = 0.35
        truth.append(image)
        metal.append(np.hypot(x + rng.uniform(2, 6), y + rng.uniform(-4, 4)) < 2.2)
    truth_mu, solid = torch.from_numpy(np.float32(truth)), torch.from_numpy(np.array(metal))
    beam = FanBeamFlat(
        views=VIEWS,
        bins=BINS,
        source_to_isocentre_mm=3 * SIZE * PIXEL_MM,
        source_to_detector_mm=6 * SIZE * PIXEL_MM,
        bin_mm=2 * math.sqrt(2) * SIZE / BINS * PIXEL_MM,
    )
    projector = Projector(beam, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM)
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


def case_of(pairs: Pairs) -> MarCase:
    return MarCase(
        hu=mu_to_hu(pairs.image),
        metal=pairs.metal,
        pixel_mm=PIXEL_MM,
        beam=pairs.projector.beam,
        slice_indices=[7 + number for number in range(len(pairs))],
        measured_sinogram=pairs.sinogram if pairs.clinical_mu is None else None,
    )


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


class WeightsJob:
    """A job whose weights were never written to a file."""

    device = torch.device("cpu")
    log = logging.getLogger("test")

    def __init__(self, network: nn.Module, settings: dict[str, Any]) -> None:
        self.shown: list[tuple[str, int]] = []
        self._weights = {name: tensor.half() for name, tensor in network.state_dict().items()}
        self._about = About("dudonet", "1.0.0", settings, ("syndeeplesion-640",)).as_metadata()

    def progress(self, fraction: float, text: str = "") -> None:
        assert 0 <= fraction <= 1

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        self.shown.append((name, slice_index))

    def check_cancelled(self) -> None: ...

    def weights(self, file: str) -> dict[str, Tensor]:
        return self._weights

    def about_weights(self, file: str) -> dict[str, str]:
        return self._about


class BundledJob(WeightsJob):
    """A job with the weights that come with the method."""

    def __init__(self, loaded: LoadedMethod) -> None:
        self.shown = []
        [found] = loaded.check_weights()
        self._weights = loaded.weights(found["file"], "cpu")
        self._about = loaded.about_weights(found["file"])


def small(room: Any, **settings: Any) -> Any:
    torch.manual_seed(1)
    return room.network.DualDomain(room.settings.read_settings(SMALL | settings)).eval()


def exact(room: Any, pairs: Pairs, **settings: Any) -> Any:
    """Networks that know the answer."""
    dual = small(room, **settings)
    unit = room.network.line_unit(pairs.projector)
    start = pairs.li_sinogram if dual.settings.is_residual else 0
    if dual.sinogram_net is not None:
        dual.sinogram_net = Gives(lambda seen, trace: (pairs.metal_free_sinogram - start) / unit)
    if dual.image_net is not None:
        dual.image_net = Gives(lambda seen: (pairs.truth_mu - pairs.li_image)[:, None])
    return dual


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """All of this."""
    return sys.modules[__name__]
