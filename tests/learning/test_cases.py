"""Training loops outside of marview get slices as methods do."""

import numpy as np
import torch

from marview.geometry import Grid
from marview.learning.cases import cases
from marview.volume import Volume


def test_each_slice_with_metal_is_a_case_on_the_processing_grid() -> None:
    grid = Grid.from_spacing((3, 64, 64), (2.0, 1.5, 1.5))
    hu = np.full(grid.shape, -1000, np.int16)
    hu[:, 12:52, 12:52] = 40
    metal = np.zeros(grid.shape, bool)
    metal[1:, 30:33, 30:33] = True
    found = list(cases(Volume(hu, grid), metal))
    assert [list(case.slice_indices) for case in found] == [[1], [2]]
    assert all(case.hu.shape == case.metal.shape == (1, 416, 416) for case in found)
    assert abs(float(found[0].hu.median()) + 1000) < 1
    assert bool(found[0].metal.any())
    assert bool(found[0].trace.any())
    (first,) = cases(Volume(hu, grid), metal, slices=[0], restore_cut_off=False)
    assert not first.metal.any()
    assert first.hu.dtype == torch.float32
