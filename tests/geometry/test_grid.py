import numpy as np
import pytest

from marview.errors import UsageError
from marview.geometry import Grid


@pytest.fixture
def oblique() -> Grid:
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation * [2.5, 0.7, 0.8]
    affine[:3, 3] = [-120.0, 33.0, 512.5]
    return Grid((9, 30, 40), affine)


def test_index_to_patient_and_back(oblique: Grid) -> None:
    index = np.random.default_rng(0).uniform(0, 30, size=(50, 3))
    np.testing.assert_allclose(oblique.to_index(oblique.to_patient(index)), index, atol=1e-9)


def test_spacing_is_the_distance_of_neighbours(oblique: Grid) -> None:
    np.testing.assert_allclose(oblique.spacing_mm, (2.5, 0.7, 0.8))
    step = oblique.to_patient([[1, 0, 0], [0, 1, 0], [0, 0, 1]]) - oblique.to_patient([0, 0, 0])
    np.testing.assert_allclose(np.linalg.norm(step, axis=1), oblique.spacing_mm)


def test_axial_grid_runs_left_posterior_superior() -> None:
    grid = Grid.from_spacing((4, 5, 6), (3.0, 0.9, 0.8))
    np.testing.assert_allclose(grid.to_patient([1, 1, 1]), [0.8, 0.9, 3.0])


def test_a_grid_does_not_change_under_the_hand(oblique: Grid) -> None:
    with pytest.raises(ValueError, match="read-only"):
        oblique.affine[0, 0] = 1


def test_equal_grids_are_equal_and_hash_alike(oblique: Grid) -> None:
    twin = Grid(oblique.shape, oblique.affine.copy())
    assert twin == oblique
    assert hash(twin) == hash(oblique)
    assert Grid((9, 30, 41), oblique.affine) != oblique


@pytest.mark.parametrize("affine", [np.zeros((4, 4)), np.eye(3), np.full((4, 4), np.nan)])
def test_an_impossible_affine_is_refused(affine: np.ndarray) -> None:
    with pytest.raises(ValueError, match="affine"):
        Grid((1, 1, 1), affine)


def test_an_empty_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one voxel"):
        Grid((0, 4, 4), np.eye(4))


def test_a_tilted_stack_has_the_distance_of_its_slices_and_their_drift() -> None:
    tilt = np.deg2rad(20)
    affine = np.eye(4)
    affine[:3, 0] = 0, 0, 5  # the table moves along the patient
    affine[:3, 1] = 0, 0.7 * np.cos(tilt), -0.7 * np.sin(tilt)
    affine[:3, 2] = 0.9, 0, 0
    grid = Grid((4, 8, 8), affine)
    np.testing.assert_allclose(grid.stack_mm, (5 * np.cos(tilt), 0.7, 0.9))
    np.testing.assert_allclose(np.prod(grid.stack_mm), grid.voxel_mm3)
    np.testing.assert_allclose(grid.drift_mm, (-5 * np.sin(tilt), 0))
    assert np.hypot(grid.stack_mm[0], grid.drift_mm[0]) == pytest.approx(grid.spacing_mm[0])


def test_an_upright_stack_does_not_drift() -> None:
    grid = Grid.from_spacing((4, 8, 8), (5, 0.7, 0.9))
    assert grid.drift_mm == (0, 0)
    assert grid.stack_mm == pytest.approx(grid.spacing_mm)


@pytest.mark.parametrize("spacing_mm", [(0, 1, 1), (2.5, -1, 1), (float("nan"), 1, 1), (1, 1)])
def test_a_spacing_that_is_not_positive_is_refused(spacing_mm) -> None:
    with pytest.raises(UsageError, match=r"three positive lengths in mm \(z, y, x\)"):
        Grid.from_spacing((3, 4, 5), spacing_mm)
