import numpy as np
import pytest

from marview.volume.padding import padding

ROWS, COLUMNS = 96, 96
Y, X = np.mgrid[:ROWS, :COLUMNS] - 47.5


def _slice(outside_hu: int, radius: float = 44.0) -> np.ndarray:
    """A body of 40 HU in noisy air, and one value outside the field of that radius."""
    hu = np.where(np.hypot(X / 1.3, Y) < 24, 40, -1000) + np.random.default_rng(1).normal(0, 8, (ROWS, COLUMNS))
    hu = hu.round().clip(-1023).astype(np.int16)
    hu[np.hypot(X, Y) >= radius] = outside_hu
    return hu


@pytest.mark.parametrize("outside_hu", [-1024, -1100, -2000, -3024, -32768])
def test_padding_is_everything_outside_the_field(outside_hu: int) -> None:
    np.testing.assert_array_equal(padding(_slice(outside_hu)[None])[0], np.hypot(X, Y) >= 44)


def test_lossy_compression_may_change_padding_a_little() -> None:
    hu = _slice(-2000)
    outside = hu == -2000
    hu[outside] += np.random.default_rng(2).integers(-9, 10, int(outside.sum())).astype(np.int16)
    np.testing.assert_array_equal(padding(hu[None])[0], outside)


@pytest.mark.parametrize("floor_hu", [-1024, -1500, -3320])
def test_dark_streaks_are_not_padding(floor_hu: int) -> None:
    hu = _slice(-1000, 200)
    hu[40:60, 20:80] = floor_hu
    hu[:, 48] = floor_hu
    assert not padding(hu[None]).any()


def test_a_streak_at_the_floor_that_leaves_the_body_ends_the_padding() -> None:
    hu = _slice(-1024)
    outside = hu == -1024
    hu[45:50, 10:] = -1024
    found = padding(hu[None])[0]
    assert found[outside].all()
    assert not found[45:50, 25:70].any()


def test_padding_of_a_rotated_or_shifted_field_is_found() -> None:
    hu = np.full((ROWS, COLUMNS), -900, np.int16)
    outside = (np.abs(X + Y) > 60) | (X > 30)
    hu[outside] = -2000
    np.testing.assert_array_equal(padding(hu[None])[0], outside)


def test_air_of_one_value_is_not_padding() -> None:
    assert not padding(np.full((2, 8, 8), -1000, np.int16)).any()
