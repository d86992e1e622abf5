"""Values that enamel and dense bone reach are metal only if the user says so."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from marview.physics.anatomy.canvas import Canvas
from marview.physics.anatomy.scenes import scene
from marview.volume.segment import adaptive

SPACING = (1.0, 0.5, 0.5)


def jaw(enamel_hu: int, noise_hu: float = 0.0) -> np.ndarray:
    """Four slices of a head with twelve crowns of enamel around dentin."""
    y, x = np.ogrid[:160, :160]
    hu = np.where(np.hypot(y - 80, x - 80) < 75, 40.0, -1000.0)
    for angle in np.linspace(0.2, np.pi - 0.2, 12):
        away = np.hypot(y - 80 + 50 * np.sin(angle), x - 80 + 50 * np.cos(angle))
        hu[away < 6] = enamel_hu
        hu[away < 3] = 1600
    return np.rint(hu + np.random.default_rng(0).normal(0, 1, (4, 160, 160)) * noise_hu).astype(np.int16)


def with_filling(hu: np.ndarray, metal_hu: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.ogrid[:160, :160]
    filling = np.broadcast_to(np.hypot(y - 30, x - 80) < 4, hu.shape)
    return np.where(filling, metal_hu, hu).astype(np.int16), filling


@pytest.mark.parametrize("noise_hu", [0.0, 40.0, 100.0, 250.0])
@pytest.mark.parametrize("enamel_hu", [2000, 2400, 2600, 2773, 2900])
def test_teeth_without_metal_are_not_marked(enamel_hu: int, noise_hu: float) -> None:
    found = adaptive(jaw(enamel_hu, noise_hu), SPACING)
    assert not found.mask.any()
    assert any("No metal" in note or "Possible metal" in note for note in found.notes)


@pytest.mark.parametrize("noise_hu", [60.0, 100.0, 150.0, 250.0])
@pytest.mark.parametrize("highest_hu", [3071, 32767])
@pytest.mark.parametrize("blur_px", [0.0, 0.7])
def test_noise_on_enamel_is_asked_about(noise_hu: float, highest_hu: int, blur_px: float) -> None:
    noise = gaussian_filter(np.random.default_rng(1).normal(size=(4, 160, 160)), (0, blur_px, blur_px))
    hu = np.minimum(np.rint(jaw(2900) + noise_hu / noise.std() * noise), highest_hu).astype(np.int16)
    found = adaptive(hu, SPACING)
    assert not found.mask.any()
    assert found.doubtful is not None


@pytest.mark.parametrize(("kind", "is_asked"), [("dental", True), ("hip", False)])
def test_bodies_of_demo_studies_without_metal_are_not_marked(kind: str, *, is_asked: bool) -> None:
    chosen = scene(kind)
    spacing_mm = tuple(4 * each for each in chosen.spacing_mm)
    canvas = Canvas((10, 128, 128), spacing_mm, seed=1)
    chosen.painter(canvas)
    found = adaptive(np.rint(canvas.hu).astype(np.int16), spacing_mm)
    assert not found.mask.any()
    assert (found.doubtful is not None) is is_asked


def test_a_filling_in_a_noisy_jaw_is_found() -> None:
    hu, filling = with_filling(jaw(2700, 100.0), 12000)
    found = adaptive(hu, SPACING)
    assert found.mask[filling].all()


def test_the_doubtful_voxels_are_kept_for_the_person() -> None:
    hu = jaw(2773)
    found = adaptive(hu, SPACING)
    assert found.doubtful is not None
    assert found.doubtful[hu == 2773].all()
    assert "2773 HU" in found.notes[-1]


def test_enamel_stays_out_beside_a_filling() -> None:
    hu, filling = with_filling(jaw(2900), 12000)
    found = adaptive(hu, SPACING)
    assert found.doubtful is None
    np.testing.assert_array_equal(found.mask, filling)


def test_enamel_stays_out_beside_a_filling_that_the_scale_cuts_off() -> None:
    hu, filling = with_filling(jaw(2773), 12000)
    far = hu == 2773
    blurred = gaussian_filter(hu.astype(np.float32), (0, 1, 1))
    found = adaptive(np.minimum(blurred, 3071).astype(np.int16), SPACING)
    assert found.mask[filling].all()
    far[:, :60, 55:105] = False  # the crown that holds the filling, and its neighbours
    assert not (found.mask & far).any()


def test_a_piece_of_thin_metal_in_an_otherwise_soft_series_is_asked_about() -> None:
    hu = np.full((3, 64, 64), 40, np.int16)
    hu[1, 30:33, 30:33] = 2700
    found = adaptive(hu, SPACING)
    assert not found.mask.any()
    assert found.doubtful is not None
    assert found.doubtful.sum() == 9
