"""Packing slices side by side and back, for all sizes."""

import numpy as np
import pytest

from marview.projection.packing import pack, unpack


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("count", "lanes"), [(1, 1), (3, 8), (8, 8), (13, 16), (60, 64), (64, 64)])
@pytest.mark.parametrize(("rows", "columns"), [(5, 3), (9, 8), (17, 41)])
@pytest.mark.parametrize("border", [(0, 0), (0, 1), (2, 2)])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_slices_lie_side_by_side_within_an_empty_border(
    dtype: type, count: int, lanes: int, rows: int, columns: int, border: tuple[int, int], *, is_weighted: bool
) -> None:
    generator = np.random.default_rng(4)
    array = generator.normal(size=(count, rows, columns)).astype(dtype)
    weights = generator.normal(size=(rows, columns)).astype(dtype) if is_weighted else None
    weighted = array if weights is None else array * weights
    packed = pack(array, lanes, border=border, weights=weights)
    expected = np.zeros((rows + 2 * border[0], columns + 2 * border[1], lanes), dtype)
    expected[border[0] : border[0] + rows, border[1] : border[1] + columns, :count] = np.moveaxis(weighted, 0, -1)
    np.testing.assert_array_equal(packed, expected.ravel())

    back = np.full_like(array, np.nan)
    unpack(packed, back, lanes, border=border, weights=weights)
    np.testing.assert_array_equal(back, weighted if weights is None else weighted * weights)


def test_earlier_memory_contents_do_not_leak() -> None:
    for _ in range(3):
        spoilt = np.full(64 * 20 * 20, np.nan, np.float32)
        del spoilt
        assert np.isfinite(pack(np.ones((5, 16, 16), np.float32), 64, border=(2, 2))).all()
