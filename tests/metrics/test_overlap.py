import numpy as np
import pytest

from marview.metrics import bone_integrity, dice, metal_integrity


def test_dice_by_hand():
    a, b = np.array([1, 1, 1, 0, 0], bool), np.array([0, 1, 1, 1, 0], bool)
    assert dice(a, b) == pytest.approx(4 / 6)
    assert dice(a, a) == 1
    assert dice(a, ~a) == 0
    assert np.isnan(dice(a & ~a, a & ~a))


def test_bone_is_what_exceeds_150_hu_and_is_not_metal():
    truth = np.array([[200, 200, 200, 200, 100, 3000]])
    result = np.array([[200, 200, 140, 140, 100, 100]])
    metal = np.array([[False] * 5 + [True]])
    assert bone_integrity(result, truth, metal) == (pytest.approx(2 * 2 / 6), pytest.approx(-0.5))


def test_metal_is_what_exceeds_its_surroundings_by_250_hu():
    truth = np.full((80, 80), 40.0)
    truth[:10, :10] = 2000  # far away, so it does not raise the threshold of 290 HU
    metal = np.zeros((80, 80), bool)
    metal[38:42, 38:42] = True
    kept = np.where(metal, 3000, truth)
    assert metal_integrity(kept, truth, metal) == (1, 0)
    assert metal_integrity(truth, truth, metal) == (0, -1)
    kept[38:42, 42:44] = 300
    assert metal_integrity(kept, truth, metal) == (pytest.approx(2 * 16 / 40), pytest.approx(0.5))
    assert np.isnan(metal_integrity(kept, truth, np.zeros_like(metal))).all()
