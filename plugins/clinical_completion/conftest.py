"""Shared by the tests of clinical sinogram completion: cases of discs, and a small network."""

import sys
from types import ModuleType
from typing import Any

import pytest
import torch

from marview.learning.api import Pairs
from marview.methods.api import MarCase
from marview.physics.attenuation import mu_to_hu

SMALL: dict[str, Any] = {"width": 4, "blocks": {"views": 32, "bins": 32, "count": 3}}


def case_of(pairs: Pairs) -> MarCase:
    """A clinical case of pairs."""
    return MarCase(
        hu=mu_to_hu(pairs.image),
        metal=pairs.metal,
        pixel_mm=pairs.projector.pixel_mm,
        beam=pairs.projector.beam,
        slice_indices=list(range(len(pairs))),
        measured_trace=pairs.trace,
    )


def small(room: Any, **settings: Any) -> Any:
    """A small network; with `closed` far below 0 it changes nothing."""
    torch.manual_seed(1)
    return room.network.TraceNetwork(room.settings.read_settings(SMALL | settings))


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """This module."""
    return sys.modules[__name__]
