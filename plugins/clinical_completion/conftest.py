"""Fixtures for the clinical sinogram completion tests: small networks."""

import sys
from types import ModuleType
from typing import Any

import pytest
import torch

SMALL: dict[str, Any] = {"widths": [4, 8], "blocks": [1, 1], "crop_px": 16}


def small(room: Any) -> Any:
    """Build a small, untrained network, which leaves images unchanged."""
    torch.manual_seed(1)
    return room.network.PriorNetwork(room.settings.read_settings(SMALL)).eval()


def adding(room: Any, unit: float) -> Any:
    """Make a small network that adds a constant, in the unit of the planes, to every pixel."""
    network = small(room)
    torch.nn.init.constant_(network.leave.bias, unit)
    return network


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """Return this module, so that tests can call its helper functions."""
    return sys.modules[__name__]
