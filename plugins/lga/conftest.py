"""Fixtures for the Latent GSI Alignment tests: small networks, batches of discs, and a slice bank."""

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from marview.learning.bank import Bank

SIZE = 32
SMALL: dict[str, Any] = {
    "fold": 2,
    "widths": [8, 8],
    "blocks": 1,
    "latent": 8,
    "starts_linear": True,
    "alignment_widths": [8, 8],
    "alignment_blocks": 1,
    "heads": 2,
    "contrast_width": 4,
    "has_norm": False,
    "adds_change": True,
    "reach_px": 10.0,
    "altered": 0.0,
}


def batch_of(room: Any, number: int = 0, count: int = 2, size: int = SIZE) -> Any:
    """Return a batch of discs with a metal rod.

    Only the ordinary images have dark bands beside the rod.
    """
    rng = torch.Generator().manual_seed(number)
    y, x = torch.meshgrid(*(torch.arange(size) - size / 2,) * 2, indexing="ij")
    shift = torch.randint(-3, 4, (count, 1, 1), generator=rng)
    clean = torch.where(torch.hypot(x - shift, y) < size / 3, 40.0, -1000.0)
    clean = clean + 5 * torch.randn(count, size, size, generator=rng)
    mask = torch.hypot(x - shift, y) < 2
    band = 300.0 * torch.exp(-((y / 4) ** 2)) * torch.exp(-((x - shift) ** 2) / 60)
    spectral = torch.where(mask, 2800.0, clean)
    ordinary = torch.where(mask, 2900.0, clean - band)
    volumes = (each[:, None].repeat(1, 3, 1, 1) for each in (ordinary, clean))
    return room.batches.GsiBatch.of(*volumes, spectral, mask, torch.zeros(count, dtype=torch.long))


def disc_bank(count: int = 3) -> Bank:
    """Return a bank of neighbouring slices of one body, named as if they came from a stack called `disc`."""
    y, x = np.mgrid[:256, :256] - 128
    slices = []
    for number in range(count):
        hu = np.where((x / (105 - number)) ** 2 + (y / 75) ** 2 < 1, 40, -1000).astype(np.int16)
        hu[np.hypot(x, y - 40) < 14] = 600
        slices.append(hu)
    return Bank(slices, [f"disc_{number:03d}" for number in range(count)])


def trained_once(network: Any) -> Any:
    """Mark a network's autoencoder as trained, and return the network."""
    network.autoencoder_steps += 1
    return network


def rmse_hu(room: Any, made: Tensor, wanted: Tensor) -> float:
    """Return the RMSE in HU between two images in the networks' unit."""
    return float(room.batches.in_hu((made - wanted).square().mean().sqrt()))


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """Return this module, so that tests can use its helper functions."""
    return sys.modules[__name__]
