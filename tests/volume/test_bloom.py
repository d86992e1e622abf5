"""Bloom is removed around widely blooming metal, and nowhere else."""

import numpy as np
import pytest
from scipy import ndimage

from marview.volume.bloom import without_bloom

SPACING = (0.8, 0.8)


def rod(half_width: float, size: int = 120) -> np.ndarray:
    y, x = np.ogrid[:size, :size]
    return (np.abs(x - size / 2 + 0.5) <= half_width) & (np.abs(y - size / 2 + 0.5) <= 40)


def clipped(metal: np.ndarray, metal_hu: float, fades_over_px: float) -> np.ndarray:
    """Metal that fades into tissue over some pixels, cut off at 3071 HU."""
    away = ndimage.distance_transform_edt(~metal)
    return np.minimum(metal_hu * np.exp(-away / fades_over_px) + 40, 3071).astype(np.int16)


def test_a_rod_with_wide_bloom_comes_closer_to_its_true_width() -> None:
    metal = rod(4)
    image = clipped(metal, 8000, 3.0)
    found = image == 3071
    kept = without_bloom(found, image, SPACING)
    assert kept[metal].all()
    assert np.count_nonzero(kept & ~metal) < 0.5 * np.count_nonzero(found & ~metal)


def test_a_rod_with_a_steep_edge_is_left_alone() -> None:
    metal = rod(4)
    image = clipped(metal, 8000, 0.5)
    found = image == 3071
    np.testing.assert_array_equal(without_bloom(found, image, SPACING), found)


@pytest.mark.parametrize("fades_over_px", [0.5, 2.5])
def test_a_filling_is_left_alone(fades_over_px: float) -> None:
    filling = np.hypot(*np.ogrid[-30:30, -30:30]) <= 3
    image = clipped(filling, 9000, fades_over_px)
    found = filling & (image == 3071)
    np.testing.assert_array_equal(without_bloom(found, image, SPACING), found)


def test_an_empty_slice_stays_empty() -> None:
    nothing = np.zeros((16, 16), bool)
    assert not without_bloom(nothing, np.zeros((16, 16), np.int16), SPACING).any()
