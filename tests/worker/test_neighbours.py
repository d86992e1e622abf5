"""Slices of the same patient that a method can learn from."""

import numpy as np
import pytest
import torch

from marview.worker.neighbours import beside, nearest_clean, neighbours, no_neighbours, none_beside
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


@pytest.mark.parametrize(("index", "wanted"), [(2, [1, 2, 3]), (0, [0, 0, 1]), (5, [4, 5, 5])])
def test_slices_beside_a_slice_repeat_the_last_one_at_the_ends(index, wanted) -> None:
    hu = np.arange(6, dtype=np.int16)[:, None, None] * np.ones((1, 40, 40), np.int16)
    found = beside(SliceFrame((40, 40), (1.0, 1.0)), hu, index, 1)
    assert found.shape == (3, SIZE, SIZE)
    assert found[:, 200, 200].round().tolist() == wanted


def test_a_case_of_no_volume_has_none() -> None:
    clean, metal = no_neighbours(22)
    assert len(clean) == len(metal) == len(none_beside(3, 1)) == 0
