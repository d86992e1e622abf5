"""Fixtures for the tests of clinical sinogram completion: small networks."""

import sys
from types import ModuleType
from typing import Any

import pytest
import torch

SMALL: dict[str, Any] = {"widths": [4, 8], "blocks": [1, 1], "crop_px": 16}


def small(room: Any) -> Any:
    """Make a small network, which changes nothing before training."""
    torch.manual_seed(1)
    return room.network.PriorNetwork(room.settings.read_settings(SMALL)).eval()


def adding(room: Any, unit: float) -> Any:
    """Make a small network that adds the same value, in the units of the planes, to every pixel."""
    network = small(room)
    torch.nn.init.constant_(network.leave.bias, unit)
    return network


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """Return this module, for its helper functions."""
    return sys.modules[__name__]
