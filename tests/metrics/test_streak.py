import numpy as np
import pytest

from marview.metrics import far_from, ring, streak_amplitude_hu, streak_index


@pytest.fixture
def metal():
    mask = np.zeros((200, 200), bool)
    mask[98:102, 98:102] = True
    return mask


def test_amplitude_is_the_distance_of_the_outer_twentieths_by_hand():
    error = np.zeros((10, 20))
    error.flat[:10], error.flat[10:20] = 100, -60
    everywhere = np.ones((10, 20), bool)
    assert streak_amplitude_hu(error + 7, np.full((10, 20), 7), everywhere) == 160
    assert streak_amplitude_hu(error + 50, np.zeros((10, 20)), everywhere) == 160  # a shift is not a streak
    assert np.isnan(streak_amplitude_hu(error, error, ~everywhere))


def test_index_is_the_ratio_of_the_deviations_by_hand(metal):
    alternating = np.where(np.indices(metal.shape).sum(0) % 2, 1.0, -1.0)
    hu = 10 * alternating
    hu[ring(metal)] *= 3
    assert streak_index(hu, metal, ~metal) == pytest.approx(3, rel=1e-3)


def test_index_of_a_noisy_image_without_streaks_is_1(metal, rng):
    assert streak_index(rng.normal(0, 20, metal.shape), metal, ~metal) == pytest.approx(1, abs=0.05)


def test_index_says_nothing_where_there_is_too_little_tissue_or_no_metal(metal, rng):
    hu = rng.normal(0, 20, metal.shape)
    assert np.isnan(streak_index(hu, metal, ring(metal)))
    assert np.isnan(streak_index(hu, metal, far_from(metal)))
    assert np.isnan(streak_index(hu, np.zeros_like(metal), ~metal))
    assert np.isnan(streak_index(np.zeros_like(hu), metal, ~metal))
