"""Rays through pixels, and the way back."""

import numpy as np
import pytest

from marview.volume.rays import PixelRays, bins, integrals, width


def test_a_ray_through_a_square_sums_its_pixels() -> None:
    square = np.zeros((40, 40), bool)
    square[10:20, 14:24] = True
    y, x = np.nonzero(square)
    views = integrals(np.full(len(y), 2.0, np.float32), y, x, square.shape, 4)
    np.testing.assert_allclose(views.sum(axis=1), 200, rtol=1e-5)  # each view holds all of it
    assert views[0].max() == pytest.approx(20)


def test_integrals_of_kept_rays_are_the_same() -> None:
    rng = np.random.default_rng(0)
    y, x = rng.integers(0, 30, 50), rng.integers(0, 50, 50)
    values = rng.normal(size=50).astype(np.float32)
    kept = PixelRays(y, x, (30, 50), 12).integrals(values)
    np.testing.assert_array_equal(kept, integrals(values, y, x, (30, 50), 12))


def test_every_pixel_of_a_slice_has_room_in_every_view() -> None:
    y, x = np.mgrid[:30, :50].reshape(2, -1)
    for left, weights in bins(y, x, (30, 50), 16):
        assert left.min() >= 0
        assert left.max() + 1 < width((30, 50))
        assert ((weights >= 0) & (weights <= 1)).all()


def test_a_disc_comes_back_from_its_rays() -> None:
    y, x = np.mgrid[:64, :64].reshape(2, -1)
    distance = np.hypot(y - 30, x - 36)
    values = np.clip(8.5 - distance, 0, 1).astype(np.float32)
    rays = PixelRays(y, x, (64, 64), 90)
    back = rays.reconstruct(rays.integrals(values))
    assert back[distance < 7] == pytest.approx(1, abs=0.1)
    assert back[(distance > 11) & (distance < 25)] == pytest.approx(0, abs=0.1)
