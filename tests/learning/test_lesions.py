"""Faint lesions in training slices: where they lie, and what stays as it was."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from marview.learning.bank import Bank
from marview.learning.lesions import with_lesions
from marview.learning.recipe import Data
from marview.learning.scenes import draw_scene

PLAIN = Data(protocols=("adn-256",), phantoms=0, reprojected=0)


def muscle_with_a_pin() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A disc of muscle with a pin; HU and metal by material."""
    y, x = np.mgrid[-64:64, -64:64] + 0.5
    hu = np.where(np.hypot(y, x) < 50, 50.0, -1000.0).astype(np.float32)
    return hu, {"ti": (np.hypot(y, x) < 4).astype(np.float32)}


@pytest.mark.parametrize("seed", range(6))
def test_lesions_are_faint_and_lie_in_soft_tissue_near_metal(seed: int) -> None:
    hu, metal = muscle_with_a_pin()
    change = with_lesions(hu, metal, np.random.default_rng(seed)) - hu
    assert 10 <= np.abs(change).max() <= 3 * 80
    touched = change != 0
    assert (hu[touched] == 50).all()
    assert not (touched & (metal["ti"] > 0)).any()
    assert distance_transform_edt(metal["ti"] == 0)[touched].max() < 60


def test_a_slice_without_soft_tissue_is_unchanged() -> None:
    hu, metal = muscle_with_a_pin()
    air = np.full_like(hu, -1000)
    assert np.array_equal(with_lesions(air, metal, np.random.default_rng(0)), air)


def test_a_scene_with_lesions_has_the_metal_of_the_scene_without(bank: Bank) -> None:
    plain = draw_scene(bank, PLAIN, (0, 3))
    shown = draw_scene(bank, PLAIN.model_copy(update={"lesions": 1.0}), (0, 3))
    assert plain.metal.keys() == shown.metal.keys()
    assert all(np.array_equal(plain.metal[name], shown.metal[name]) for name in plain.metal)
    assert 0 < np.abs(shown.hu - plain.hu).max() <= 3 * 80
