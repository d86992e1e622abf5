"""What the tests of deep sinogram completion share: pairs and cases of discs, small networks, and exact ones."""

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
SMALL: dict[str, Any] = {"prior_base": 4, "sinogram_base": 4, "has_norm": False}

ALONE = SMALL | {
    "starts_at_zero": True,
    "prior_start": "nmar",
    "is_relative": True,
    "sees_hidden": True,
    "completion": "interpolation",
    "patches": {"edge_px": 32, "count": 3},
}
"""PriorNet alone."""

BEHIND = SMALL | {"starts_at_zero": True, "start": "prior", "sinogram_unit": 0.05, "blocks": {"views": 32, "count": 3}}
"""SinoNet alone."""

ABLATIONS: list[dict[str, Any]] = [
    {},
    {"prior": "none"},
    {"prior": "tissue"},
    {"prior_input": "metal"},
    {"is_residual": False},
    {"start": "prior"},
    {"prior_start": "nmar"},
    {"fold": 2},
    {"fold": 5},
    {"is_relative": True, "sees_hidden": True},
    {"completion": "interpolation"},
    {"sinogram_unit": 0.1},
]


def flat_beam(pixel_mm: float = PIXEL_MM, size: int = SIZE) -> FanBeamFlat:
    views, bins = (VIEWS, BINS) if size == SIZE else (32, 47)
    return FanBeamFlat(
        views=views,
        bins=bins,
        source_to_isocentre_mm=3 * size * pixel_mm,
        source_to_detector_mm=6 * size * pixel_mm,
        bin_mm=2 * math.sqrt(2) * size / bins * pixel_mm,
    )


def discs(count: int = 1, seed: int = 0, size: int = SIZE) -> Pairs:
    """Discs with a bone and a rod that hardens the beam."""
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
    projector = Projector(flat_beam(pixel_mm, size), shape=(size, size), pixel_mm=pixel_mm)
    free, through = projector.forward(truth_mu), projector.forward(2.4 * solid)
    return Pairs(
        truth_mu=truth_mu,
        metal=solid,
        sinogram=free + 3 * torch.tanh(through / 3),
        metal_free_sinogram=free,
        trace=projector.trace(solid),
        projector=projector,
    )


def case_of(pairs: Pairs) -> MarCase:
    return MarCase(
        hu=mu_to_hu(pairs.image),
        metal=pairs.metal,
        pixel_mm=PIXEL_MM,
        beam=pairs.projector.beam,
        slice_indices=list(range(len(pairs))),
        measured_sinogram=pairs.sinogram,
    )


def small(room: Any, **settings: Any) -> Any:
    torch.manual_seed(1)
    return room.network.Completion(room.settings.read_settings(SMALL | settings)).eval()


@pytest.fixture(params=ABLATIONS, ids=str)
def ablation(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings that leave a part out, or do it otherwise."""
    return dict(request.param)


@pytest.fixture
def exact(room: Any, gives: Any) -> Callable[..., Any]:
    """Networks that know the answer."""

    def networks(pairs: Pairs, **settings: Any) -> Any:
        completion = small(room, **settings)
        unit = room.network.line_unit(pairs.projector)
        completion.prior_net = gives(lambda seen: (pairs.truth_mu - pairs.li_image)[:, None])
        completion.sinogram_net = gives(lambda seen, trace: (pairs.metal_free_sinogram - pairs.li_sinogram) / unit)
        return completion

    return networks


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """All of this."""
    return sys.modules[__name__]
