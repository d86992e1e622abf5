"""Masks on another grid are placed correctly or refused with a reason."""

import numpy as np
import pytest

from marview.errors import BadInput
from marview.geometry import Grid
from marview.volume.on_grid import fit_to_grid, mask_on_grid


def turned(grid: Grid, degrees: float) -> Grid:
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return Grid(grid.shape, turn @ grid.affine, grid.frame_of_reference_uid)


def ball(grid: Grid, centre_lps_mm: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    return np.linalg.norm(grid.to_patient(index) - centre_lps_mm, axis=-1) <= radius_mm


COARSE = Grid.from_spacing((12, 20, 20), (3.0, 2.0, 2.0))


@pytest.mark.parametrize(
    "target",
    [
        Grid.from_spacing((36, 40, 40), (1.0, 1.0, 1.0)),
        Grid.from_spacing((6, 10, 10), (6.0, 4.0, 4.0)),
        turned(COARSE, 20),
    ],
)
def test_a_ball_stays_where_it_is_in_the_patient(target: Grid) -> None:
    centre = (14.0, 24.0, 16.0)
    moved = mask_on_grid(ball(COARSE, centre, 8), COARSE, target)
    truth = ball(target, centre, 8)
    assert 2 * (moved & truth).sum() / (moved.sum() + truth.sum()) > 0.85


def test_to_finer_voxels_and_back_is_the_same_mask() -> None:
    fine = Grid(
        (36, 40, 40), COARSE.affine @ np.diag([1 / 3, 0.5, 0.5, 1]) + np.outer([-0.5, -0.5, -1.0, 0], [0, 0, 0, 1])
    )
    mask = np.random.default_rng(0).random(COARSE.shape) > 0.8
    np.testing.assert_array_equal(mask_on_grid(mask_on_grid(mask, COARSE, fine), fine, COARSE), mask)


def test_a_grid_that_differs_by_rounding_is_the_same() -> None:
    mask = ball(COARSE, (14, 24, 16), 5)
    nudged = Grid(COARSE.shape, COARSE.affine + 1e-3 * np.eye(4)[:, [3, 3, 3, 3]])
    assert mask_on_grid(mask, nudged, COARSE) is mask


def test_other_frames_of_reference_are_refused() -> None:
    mask = ball(COARSE, (14, 24, 16), 5)
    first, second = (Grid(COARSE.shape, COARSE.affine, uid) for uid in ("1.2", "1.3"))
    with pytest.raises(BadInput, match="another frame of reference"):
        mask_on_grid(mask, first, second)
    assert mask_on_grid(mask, first, COARSE).any()


def test_metal_outside_the_volume_is_refused() -> None:
    mask = ball(COARSE, (14, 24, 16), 5)
    far = Grid(COARSE.shape, COARSE.affine + np.outer([500, 0, 0, 0], [0, 0, 0, 1]))
    with pytest.raises(BadInput, match="outside the volume"):
        mask_on_grid(mask, COARSE, far)


@pytest.mark.parametrize("degrees", [0, 20, 180])
@pytest.mark.parametrize("far_mm", [1e6, 1e19, -1e60])
def test_metal_at_an_impossible_distance_is_refused(degrees: float, far_mm: float) -> None:
    away = turned(COARSE, degrees)
    affine = away.affine.copy()
    affine[0, 3] += far_mm
    mask = ball(COARSE, (14.0, 24.0, 16.0), 8)
    with pytest.raises(BadInput, match="outside"):
        fit_to_grid(mask, Grid(COARSE.shape, affine, COARSE.frame_of_reference_uid), COARSE)


def test_an_empty_mask_stays_empty() -> None:
    target = Grid.from_spacing((3, 4, 5), (1, 1, 1))
    assert not mask_on_grid(np.zeros(COARSE.shape, bool), COARSE, target).any()
