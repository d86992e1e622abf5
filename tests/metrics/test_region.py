import numpy as np

from marview.metrics import far_from, ring


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
