"""The blur of metal is removed on clipped scales if the metal is thick and its edge blurred but steep."""

import numpy as np
import pytest
from scipy import ndimage

from marview.volume.blur import without_blur

SPACING = (0.8, 0.8)


def blurred(metal: np.ndarray, metal_hu: float, blur_px: float = 0.7) -> np.ndarray:
    """Metal in tissue, as a scanner shows it, cut off at 3071 HU."""
    return np.minimum(ndimage.gaussian_filter(np.where(metal, metal_hu, 40.0), blur_px), 3071).astype(np.int16)


def disc(radius: float) -> np.ndarray:
    return np.asarray(np.hypot(*np.ogrid[-30:30, -30:30]) <= radius)


@pytest.mark.parametrize(
    ("radius", "spacing", "metal_hu"), [(15, SPACING, 12000), (4, SPACING, 25000), (8, (0.45, 0.45), 25000)]
)
def test_blurred_metal_comes_closer_to_its_true_size(
    radius: float, spacing: tuple[float, float], metal_hu: float
) -> None:
    metal = disc(radius)
    image = blurred(metal, metal_hu)
    found = image == 3071
    kept = without_blur(found, image, spacing)
    assert np.count_nonzero(kept ^ metal) < np.count_nonzero(found ^ metal)


def test_thin_metal_keeps_its_blur() -> None:
    image = blurred(disc(1), 12000)
    found = image == 3071
    assert found.any()
    np.testing.assert_array_equal(without_blur(found, image, SPACING), found)


def test_metal_that_starvation_hollowed_keeps_its_outline() -> None:
    metal = disc(8)
    image = np.where(metal, 3071, np.where(disc(11), 2800, 40)).astype(np.int16)
    np.testing.assert_array_equal(without_blur(metal, image, SPACING), metal)


def test_an_empty_slice_has_no_blur() -> None:
    nothing = np.zeros((16, 16), bool)
    assert not without_blur(nothing, np.zeros((16, 16), np.int16), SPACING).any()


def test_dense_metal_with_streaks_loses_more() -> None:
    image = blurred(disc(12), 12000)
    found = image == 3071
    streaks = np.where(found, image, image + np.where(np.arange(60) % 8 < 4, -1000, 1000)[:, None])
    streaks = np.minimum(streaks, 2000, out=streaks, where=~found)
    assert np.count_nonzero(without_blur(found, streaks, SPACING)) < np.count_nonzero(
        without_blur(found, image, SPACING)
    )
