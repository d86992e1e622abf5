"""The edge of a screw lies where rays through it end."""

import warnings

import numpy as np
import pytest
import torch
from scipy import ndimage

from marview.geometry import ParallelBeam
from marview.metrics.overlap import dice
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from marview.projection import Projector
from marview.volume.long_metal import with_fitted_edges
from marview.volume.segment import adaptive

PIXEL_MM = 0.8
SIZE = 192
SPACING_MM = (PIXEL_MM, PIXEL_MM)


def body() -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    vertebra = np.hypot(x / 30, (y + 5) / 24) < 1
    return np.where(vertebra, 250.0, np.where(np.hypot(x / 80, y / 60) < 1, 40.0, -1000.0))


def screws(radius_px: float = 4.0) -> np.ndarray:
    """Two screws that lean towards each other."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    both = [abs(x - side * (18 - 0.25 * y)) < radius_px * np.hypot(1, 0.25) for side in (-1, 1)]
    return np.logical_or(*both) & (abs(y) < 24)


def hardened(metal: np.ndarray, metal_hu: float = 9000, most: float = 4.0) -> np.ndarray:
    """A slice whose rays lose at most `most` line integrals to metal, int16 HU `[y, x]`."""
    beam = ParallelBeam(views=240, bins=2 * SIZE, bin_mm=PIXEL_MM)
    projector = Projector(beam, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM)
    tissue = hu_to_mu(torch.from_numpy(np.where(metal, -1000.0, body())[None].astype(np.float32)))
    alone = hu_to_mu(torch.from_numpy(np.where(metal, metal_hu, -1000.0)[None].astype(np.float32)))
    read = projector.forward(tissue) + most * torch.tanh(projector.forward(alone) / most)
    return np.asarray(np.rint(mu_to_hu(projector.fbp(read))[0].numpy()).astype(np.int16))


def test_a_mask_that_is_too_wide_shrinks_to_the_screw() -> None:
    metal = screws()
    image = hardened(metal)
    wide = ndimage.binary_dilation(metal)
    fitted = with_fitted_edges(wide, image, SPACING_MM)
    assert dice(wide, metal) < 0.9
    assert dice(fitted, metal) > 0.95


def test_a_mask_that_is_too_narrow_grows_to_the_screw() -> None:
    metal = screws()
    narrow = ndimage.binary_erosion(metal)
    fitted = with_fitted_edges(narrow, hardened(metal), SPACING_MM)
    assert dice(narrow, metal) < 0.9
    assert dice(fitted, metal) > 0.95


def test_the_automatic_mask_of_screws_is_right() -> None:
    metal = screws()
    assert dice(adaptive(hardened(metal)[None], (3.0, *SPACING_MM)).mask[0], metal) > 0.95


def test_wide_pixels_are_not_a_hindrance() -> None:
    metal = screws()
    image, narrower = hardened(metal)[::2], metal[::2]
    wide = ndimage.binary_dilation(narrower)
    fitted = with_fitted_edges(wide, image, (2 * PIXEL_MM, PIXEL_MM))
    assert dice(fitted, narrower) > max(0.9, dice(wide, narrower))


def disc() -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    return np.hypot(x - 20, y) < 9


@pytest.mark.parametrize(
    ("metal", "metal_hu"), [(disc(), 9000), (screws(1.2), 9000), (screws(), 28_000)], ids=["stem", "wires", "steel"]
)
def test_stems_wires_and_steel_keep_their_mask(metal: np.ndarray, metal_hu: float) -> None:
    image = hardened(metal, metal_hu, most=40.0)
    np.testing.assert_array_equal(with_fitted_edges(metal, image, SPACING_MM), metal)


def test_a_single_pixel_keeps_its_mask_without_a_warning() -> None:
    metal = np.zeros_like(screws())
    metal[40, 40] = True
    image = hardened(metal)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(with_fitted_edges(metal, image, SPACING_MM), metal)


def test_without_metal_nothing_is_marked() -> None:
    none = np.zeros((SIZE, SIZE), bool)
    image = body().astype(np.int16)
    assert not with_fitted_edges(none, image, SPACING_MM).any()
    assert not adaptive(image[None], (3.0, *SPACING_MM)).mask.any()
