"""Fixtures for the tests of clinical sinogram completion: cases of discs, and a small network."""

import sys
from types import ModuleType
from typing import Any

import pytest
import torch

SMALL: dict[str, Any] = {"width": 4, "blocks": {"views": 32, "bins": 32, "count": 3}}


def small(room: Any, **settings: Any) -> Any:
    """Return a function that makes a small network; with `closed` far below 0 the network changes nothing."""
    torch.manual_seed(1)
    return room.network.TraceNetwork(room.settings.read_settings(SMALL | settings))


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """Return this module, for its helper functions."""
    return sys.modules[__name__]
