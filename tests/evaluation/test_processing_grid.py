"""Resampling to the processing grid keeps positions in the patient."""

import numpy as np

from marview.evaluation.processing_grid import mask_on_processing_grid, on_processing_grid
from marview.geometry import Grid
from marview.volume import Volume


def test_a_point_stays_where_it_is_in_the_patient() -> None:
    affine = np.array([[0, 0.1, 1.2, 5], [0.2, 1.0, -0.1, 7], [3.0, 0, 0, 9], [0, 0, 0, 1]])
    grid = Grid((2, 100, 120), affine)
    mask = np.zeros(grid.shape, bool)
    mask[1, 29:32, 79:82] = True
    hu = np.where(mask, 3000, 40).astype(np.int16)
    moved = on_processing_grid(Volume(hu, grid))
    metal = mask_on_processing_grid(mask, grid)
    assert moved.hu.shape == (2, 416, 416)
    assert not metal[0].any()
    for found in (metal, moved.hu > 1500):
        centre = moved.grid.to_patient(np.argwhere(found).mean(axis=0))
        np.testing.assert_allclose(centre, grid.to_patient((1, 30, 80)), atol=0.5 * moved.grid.spacing_mm[1])


def test_a_series_on_the_processing_grid_is_unchanged() -> None:
    grid = Grid.from_spacing((1, 416, 416), (2.0, 0.9, 0.9))
    hu = np.random.default_rng(0).integers(-1000, 3000, grid.shape).astype(np.int16)
    moved = on_processing_grid(Volume(hu, grid))
    np.testing.assert_array_equal(moved.hu, hu)
    np.testing.assert_allclose(moved.grid.affine, grid.affine, atol=1e-9)
