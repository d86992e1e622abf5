"""A worker's output: skipped slices are noticed, and planes take no memory before they are written."""

from contextlib import closing

import numpy as np
import pytest

from marview.mar import ReduceRequest, SharedArray, metal_of, reduce_request
from marview.mar.arrays import clear_unwritten, is_written, mark_unwritten


@pytest.fixture
def request_of_three():
    hu = np.zeros((5, 6, 7), np.int16)
    with (
        SharedArray.copy_of(hu) as shared,
        closing(reduce_request("nmar", shared, metal_of(hu > 0), spacing_mm=(1.0, 1.0, 1.0), slices=(3, 1, 2))) as made,
    ):
        mark_unwritten(made)
        yield made


def test_a_slice_counts_as_written_once_its_whole_plane_is(request_of_three: ReduceRequest) -> None:
    planes = request_of_three.correction.array
    assert not any(is_written(request_of_three, z) for z in range(5))
    planes[0].ravel()[:-1] = 1
    assert not is_written(request_of_three, 3)
    planes[0] = 1
    assert [z for z in range(5) if is_written(request_of_three, z)] == [3]
    planes[1, 2, 3] = np.inf
    planes[1, -1, -1] = 0
    assert not is_written(request_of_three, 1)


def test_one_value_of_each_plane_is_touched_before_the_run(request_of_three: ReduceRequest) -> None:
    assert np.count_nonzero(request_of_three.correction.array) == 3


def test_what_a_stopped_run_left_half_written_is_zero(request_of_three: ReduceRequest) -> None:
    planes = request_of_three.correction.array
    planes[0] = 5
    planes[1, :2] = 7
    clear_unwritten(request_of_three, [3])
    assert (planes[0] == 5).all()
    assert not planes[1:].any()
