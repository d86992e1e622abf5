"""Memory for projections is reused, never twice at once, and limited."""

import gc

import numpy as np
import pytest

from marview.projection import scratch

MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "_free", [])


def test_memory_is_reused_once_its_array_is_gone() -> None:
    first = scratch.empty(MEGABYTE, np.float32)
    address = first.ctypes.data
    second = scratch.empty(MEGABYTE, np.float32)
    assert not np.shares_memory(first, second)
    del first
    third = scratch.empty(MEGABYTE - 5, np.float32)
    assert third.ctypes.data == address
    assert not np.shares_memory(second, third)


def test_arrays_start_on_a_cache_line() -> None:
    for size in (1, 7, MEGABYTE + 3):
        for dtype in (np.float32, np.float64):
            array = scratch.empty(size, dtype)
            assert array.ctypes.data % 64 == 0
            assert array.shape == (size,)
            assert array.dtype == dtype


def test_zeros_are_zero_in_reused_memory() -> None:
    spoilt = scratch.empty(MEGABYTE, np.float32)
    spoilt[:] = np.nan
    del spoilt
    assert not scratch.zeros(MEGABYTE, np.float32).any()


def test_small_arrays_are_not_cached_and_large_ones_not_used_for_small() -> None:
    scratch.empty(1000, np.float32)
    assert scratch.kept_bytes() == 0
    scratch.empty(8 * MEGABYTE, np.float32)
    kept = scratch.kept_bytes()
    little = scratch.empty(MEGABYTE, np.float32)
    assert scratch.kept_bytes() == kept
    del little


def test_arrays_of_almost_the_same_size_share_their_memory() -> None:
    scratch.empty(5 * MEGABYTE // 2, np.uint8)
    kept = scratch.kept_bytes()
    larger = scratch.empty(5 * MEGABYTE // 2 + 1000, np.uint8)
    assert scratch.kept_bytes() == 0
    del larger
    assert scratch.kept_bytes() == kept


def test_no_more_is_kept_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "KEPT", 10 * MEGABYTE)
    arrays = [scratch.empty(MEGABYTE, np.float32) for _ in range(5)]
    arrays.clear()
    gc.collect()
    assert 4 * MEGABYTE <= scratch.kept_bytes() <= 10 * MEGABYTE
