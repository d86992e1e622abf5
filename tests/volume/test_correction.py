"""A correction stores planes of changed slices, and reads as a whole volume."""

import numpy as np
import pytest

from marview.volume.correction import CorrectionPlanes, corrected


def test_slices_without_a_plane_are_zero_and_cannot_be_written() -> None:
    planes = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    correction = CorrectionPlanes.of(planes, (3, 1), 5)
    assert correction.shape == (5, 2, 2)
    assert np.shares_memory(correction[3], planes[0])
    assert (correction[1] == planes[1]).all()
    assert not correction[0].any()
    with pytest.raises(ValueError, match="read-only"):
        correction[4][:] = 1


@pytest.mark.parametrize("z", [-1, 5])
def test_there_is_nothing_outside_the_volume(z: int) -> None:
    with pytest.raises(IndexError, match="no slice"):
        CorrectionPlanes.of(np.zeros((0, 2, 2), np.float32), (), 5)[z]


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (300, 500), (2, 40_000), (0, 4)])
def test_the_sum_is_rounded_to_even_and_limited_to_int16_whatever_the_size(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    hu = rng.integers(-32768, 32768, shape).astype(np.int16)
    correction = (rng.integers(-6000, 6000, shape) / 4).astype(np.float32)

    found = corrected(hu, correction)

    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, np.clip(np.rint(hu + correction.astype(np.float64)), -32768, 32767))
