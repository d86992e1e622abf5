"""Fixtures for the deep sinogram completion tests.

They provide training pairs, cases, small networks, and networks that return the exact result.
"""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch

from marview.learning.api import Pairs
from marview.learning.networks import line_unit
from marview.methods.api import MarCase
from marview.physics.attenuation import mu_to_hu

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
"""Settings with PriorNet alone."""

BEHIND = SMALL | {"starts_at_zero": True, "start": "prior", "sinogram_unit": 0.05, "blocks": {"views": 32, "count": 3}}
"""Settings with SinoNet alone."""

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
    """Return settings that disable or change one part of the method."""
    return dict(request.param)


@pytest.fixture
def exact(room: Any, gives: Any) -> Callable[..., Any]:
    """Return a function that makes networks whose output is the exact result."""

    def networks(pairs: Pairs, **settings: Any) -> Any:
        completion = small(room, **settings)
        unit = line_unit(pairs.projector)
        completion.prior_net = gives(lambda seen: (pairs.truth_mu - pairs.li_image)[:, None])
        completion.sinogram_net = gives(lambda seen, trace: (pairs.metal_free_sinogram - pairs.li_sinogram) / unit)
        return completion

    return networks


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """Return this module, so that tests can use its helper functions."""
    return sys.modules[__name__]
