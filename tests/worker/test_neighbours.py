"""Slices of the same patient that a method can learn from."""

import numpy as np
import pytest
import torch

from marview.worker.neighbours import nearest_clean, neighbours, no_neighbours
from marview.worker.resampling import SIZE, SliceFrame


@pytest.mark.parametrize(
    ("metal", "count", "wanted"),
    [((3, 4), 3, [2, 5, 1]), ((3, 4), 100, [2, 5, 1, 6, 0, 7]), ((), 5, []), (range(8), 5, [])],
)
def test_slices_next_to_metal_come_first(metal, count, wanted) -> None:
    has_metal = np.zeros(8, bool)
    has_metal[list(metal)] = True
    assert nearest_clean(has_metal, count) == wanted


def test_neighbours_are_as_cases_have_them() -> None:
    hu = np.arange(6, dtype=np.int16)[:, None, None] * np.ones((1, 40, 40), np.int16)
    mask = np.zeros(hu.shape, bool)
    mask[2:4, 10:20, 10:20] = True
    frame = SliceFrame((40, 40), (1.0, 1.0))
    clean, metal = neighbours(frame, hu, mask, 3)
    assert clean.shape == (3, SIZE, SIZE)
    assert torch.allclose(clean[:, 200, 200], torch.tensor([1.0, 4.0, 0.0]), atol=1e-3)
    assert metal.shape == (2, SIZE, SIZE)
    assert bool(metal.flatten(1).any(dim=1).all())
    assert len(neighbours(frame, hu, mask, 1)[1]) == 1


def test_a_case_of_no_volume_has_none() -> None:
    clean, metal = no_neighbours(22)
    assert len(clean) == len(metal) == 0
