"""Fixtures for the DuDoNet tests.

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
"""Settings of the bundled weights that are not in the paper, with networks that change nothing at first."""


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
    """Return a function that makes networks whose output is the exact result."""

    def networks(pairs: Pairs, **settings: Any) -> Any:
        dual = small(room, **settings)
        unit = line_unit(pairs.projector)
        start = pairs.li_sinogram if dual.settings.is_residual else 0
        if dual.sinogram_net is not None:
            dual.sinogram_net = gives(lambda seen, trace: (pairs.metal_free_sinogram - start) / unit)
        if dual.image_net is not None:
            dual.image_net = gives(lambda seen: (pairs.truth_mu - pairs.li_image)[:, None])
        return dual

    return networks


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """Return this module, so that tests can use its helper functions."""
    return sys.modules[__name__]
