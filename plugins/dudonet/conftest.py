"""What the tests of DuDoNet share: pairs and cases of discs, small networks, and exact ones."""

import math
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from marview.geometry import FanBeamFlat
from marview.learning.api import Pairs
from marview.physics.attenuation import mu_to_hu
from marview.projection import Projector
from marview.worker.api import MarCase

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


def small(room: Any, **settings: Any) -> Any:
    torch.manual_seed(1)
    return room.network.DualDomain(room.settings.read_settings(SMALL | settings)).eval()


@pytest.fixture
def exact(room: Any, gives: Any) -> Callable[..., Any]:
    """Networks that know the answer."""

    def networks(pairs: Pairs, **settings: Any) -> Any:
        dual = small(room, **settings)
        unit = room.network.line_unit(pairs.projector)
        start = pairs.li_sinogram if dual.settings.is_residual else 0
        if dual.sinogram_net is not None:
            dual.sinogram_net = gives(lambda seen, trace: (pairs.metal_free_sinogram - start) / unit)
        if dual.image_net is not None:
            dual.image_net = gives(lambda seen: (pairs.truth_mu - pairs.li_image)[:, None])
        return dual

    return networks


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """All of this."""
    return sys.modules[__name__]
