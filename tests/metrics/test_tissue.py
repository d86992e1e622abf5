"""Metal, bone and muscle by fixed limits of HU."""

import math

import numpy as np
import pytest

from marview.metrics.tissue import TISSUES, overlap, tissues_of


def slice_with_tissues() -> np.ndarray:
    hu = np.full((40, 40), -1000.0)
    hu[5:35, 5:35] = -90  # fat
    hu[8:20, 8:32] = 60  # muscle
    hu[22:30, 8:16] = 900  # bone
    hu[22:26, 20:24] = 6000  # metal
    return hu


def test_each_tissue_is_found_where_it_is() -> None:
    found = tissues_of(slice_with_tissues())
    assert list(found) == list(TISSUES)
    assert found["metal"].sum() == 16
    assert found["bone"].sum() == 64
    assert overlap(found["muscle"], slice_with_tissues() == 60) > 0.95


def test_noise_leaves_muscle_and_no_pixel_has_two_tissues() -> None:
    noisy = slice_with_tissues() + np.random.default_rng(0).normal(0, 25, (40, 40))
    found = tissues_of(noisy)
    assert overlap(found["muscle"], slice_with_tissues() == 60) > 0.75
    assert not (found["bone"] & found["muscle"]).any()
    assert not (found["bone"] & found["metal"]).any()


def test_overlap_of_masks() -> None:
    one, other = np.zeros((2, 9), dtype=bool)
    assert math.isnan(overlap(one, other))
    one[:4] = other[2:6] = True
    assert overlap(one, other) == pytest.approx(2 / 6)
    assert overlap(one, one) == 1
