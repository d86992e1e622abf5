"""Tests for training scenes: bright objects, masks, and metal that is missing from the mask."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from marview.learning.bank import Bank
from marview.physics.scanner import Scanner


@pytest.fixture
def bank() -> Bank:
    """Return a bank of one oval body of water."""
    body = np.full((416, 416), -1000, np.int16)
    y, x = np.mgrid[:416, :416] - 208
    body[(x / 170) ** 2 + (y / 110) ** 2 < 1] = 40
    return Bank([body], ["oval"])


def test_bright_objects_lie_in_tissue_near_metal_and_outside_it(room: Any, bank: Bank) -> None:
    hu = bank.slices[0].astype(np.float32)
    rod = np.zeros_like(hu)
    rod[200:210, 200:210] = 1
    for seed in range(5):
        added = room.bright.add_bright(hu, {"ti": rod}, np.random.default_rng(seed)) - hu
        assert 500 < added.max() < 4500
        assert added.min() == 0
        assert not added[rod > 0].any()
        rows, columns = np.nonzero(added)
        assert np.hypot(rows - 205, columns - 205).max() < 90


def test_a_slice_without_tissue_near_metal_gets_no_bright_object(room: Any) -> None:
    air, rod = np.full((32, 32), -1000, np.float32), np.zeros((32, 32), np.float32)
    rod[16, 16] = 1
    assert room.bright.add_bright(air, {"ti": rod}, np.random.default_rng(0)) is air


def test_metal_that_the_mask_lacks_completely_stays_in_the_truth(room: Any) -> None:
    true = torch.zeros(1, 12, 12, dtype=torch.bool)
    true[0, 2:5, 2:5] = true[0, 8:10, 8:10] = True
    mask = torch.zeros_like(true)
    mask[0, 3, 3] = True
    left_out = room.clinical._left_out(true, mask)
    assert torch.equal(left_out.nonzero()[:, 1:].amin(dim=0), torch.tensor([8, 8]))
    assert int(left_out.sum()) == 4
    assert not room.clinical._left_out(true, true).any()


def test_automatic_mask_finds_the_metal_of_a_scene(room: Any, bank: Bank) -> None:
    scene = room.scenes.draw_clinical(bank, (0, 1), slices=1)
    scene = replace(scene, masks=("automatic",), scanner=Scanner(), scales_hu=((-32768.0, 32767.0),))
    scanned = room.clinical.scan(scene, torch.device("cpu"))
    found = scanned.planes[0, room.planes.METAL] > 0
    true = torch.from_numpy(room.clinical._is_true_metal(scene)[0])
    assert bool((found & true).any())
    assert int((found & ~true).sum()) < 3 * int(true.sum())
