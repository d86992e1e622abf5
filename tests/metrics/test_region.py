import numpy as np
import pytest

from marview.errors import UsageError
from marview.metrics import far_from, ring, rmse_hu


def test_the_ring_is_a_disc_without_its_metal():
    metal = np.zeros((101, 101), bool)
    metal[50, 50] = True
    y, x = np.ogrid[-50:51, -50:51]
    assert np.array_equal(ring(metal, 20), (x**2 + y**2 <= 400) & ~metal)
    assert np.array_equal(far_from(metal, 20), x**2 + y**2 > 400)


def test_without_metal_there_is_no_ring_and_all_is_far():
    nothing = np.zeros((5, 5), bool)
    assert not ring(nothing).any()
    assert far_from(nothing).all()


def test_a_mask_of_0_and_1_is_measured_as_bool():
    metal = np.zeros((9, 9), np.uint8)
    metal[4, 4] = 1
    assert np.array_equal(ring(metal, 2), ring(metal > 0, 2))
    assert rmse_hu(np.full((9, 9), 7.0), np.zeros((9, 9)), metal) == 7


@pytest.mark.parametrize("measure", [ring, far_from])
def test_fractions_of_metal_have_no_ring(measure):
    with pytest.raises(UsageError, match="0 and 1"):
        measure(np.full((9, 9), 0.5))
