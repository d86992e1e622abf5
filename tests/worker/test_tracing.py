"""The live trace equals the trace of a run."""

import dataclasses

import numpy as np
import pytest
import torch

from marview.errors import UsageError
from marview.geometry import processing_beam
from marview.mar import MarWorker, SharedArray, SinogramRequest, TraceRequest
from marview.worker.front_end import FrontEnd
from marview.worker.resampling import SliceFrame
from marview.worker.tracing import mark_trace

SHAPE, SPACING_MM = (3, 90, 100), (3.0, 2.0, 1.5)
BEAM = processing_beam(1.0)


@pytest.fixture
def arrays():
    hu, mask, trace = (
        SharedArray.create(shape, kind)
        for shape, kind in ((SHAPE, np.int16), (SHAPE, np.bool_), ((BEAM.views, BEAM.bins), np.bool_))
    )
    generator = np.random.default_rng(4)
    mask.array[1, 40:50, 20:33] = generator.random((10, 13)) > 0.3
    mask.array[2, 80, 90] = True
    yield hu, mask, trace
    for shared in (hu, mask, trace):
        shared.close()


def request(arrays, slice_index: int) -> TraceRequest:
    return TraceRequest(mask=arrays[1], spacing_mm=SPACING_MM, slice_index=slice_index, trace=arrays[2])


@pytest.mark.parametrize("slice_index", [0, 1, 2])
def test_the_trace_of_the_mask_equals_the_trace_of_the_case(arrays, slice_index: int) -> None:
    hu, mask, trace = arrays
    front = FrontEnd(SliceFrame(SHAPE[1:], SPACING_MM[1:]), torch.device("cpu"))
    case = front.case(hu.array[slice_index : slice_index + 1], mask.array[slice_index : slice_index + 1], [slice_index])
    mark_trace(request(arrays, slice_index))
    np.testing.assert_array_equal(trace.array, case.trace[0].numpy())
    assert trace.array.any() == (slice_index > 0)


def test_the_worker_marks_it_into_shared_memory(arrays) -> None:
    with MarWorker() as worker:
        with_body = dataclasses.replace(request(arrays, 1), hu=arrays[0])
        report = worker.trace(with_body).wait(120).check()
        marked = arrays[2].array.copy()
        assert report["coverage"]["fraction"] == pytest.approx(marked.mean())
        assert report["coverage"] == mark_trace(with_body).report["coverage"]
        paths = {}
        asked = SinogramRequest(hu=arrays[0], mask=arrays[1], spacing_mm=SPACING_MM, slice_index=1)
        worker.sinogram(asked, lambda message: paths.setdefault(getattr(message, "name", ""), message)).wait(
            300
        ).check()
        np.testing.assert_array_equal(marked, np.load(paths["trace"].path))
        with pytest.raises(UsageError, match="The mask must be bool"):
            worker.trace(request(arrays, 3))
        with pytest.raises(UsageError, match="The trace must be bool"):
            worker.trace(TraceRequest(mask=arrays[1], spacing_mm=SPACING_MM, slice_index=1, trace=arrays[1]))


def test_a_bar_hides_the_whole_body_along_its_direction(arrays) -> None:
    """Rays through air beside the body, or through a table, do not count as visible body."""
    hu, mask, trace = arrays
    hu.array[:] = -1000
    hu.array[1, 20:60, 15:85] = 40
    hu.array[1, 80:83, 10:90] = 200  # a table
    mask.array[:] = False
    mask.array[1, 20:60, 40:50] = True
    asked = request(arrays, 1)
    report = mark_trace(asked).report["coverage"]
    assert report["hidden_views"] == 0
    beside = dataclasses.replace(asked, hu=hu)
    along = mark_trace(beside).report["coverage"]
    assert along["hidden_views"] == 0  # rays along the bar see the body left and right of it
    mask.array[1, 20:60, 14:86] = True
    across = mark_trace(beside).report["coverage"]
    assert across["hidden_views"] == BEAM.views
    assert not trace.array.all(axis=1).any()


def test_cached_traces_equal_fresh_ones(arrays) -> None:
    """After painting, erasing, other slices and other grids, the trace always equals that of a fresh front end."""
    _, mask, trace = arrays
    generator = np.random.default_rng(5)
    front = FrontEnd(SliceFrame(SHAPE[1:], SPACING_MM[1:]), torch.device("cpu"))

    def is_whole(slice_index: int) -> None:
        mark_trace(request(arrays, slice_index))
        whole = front.trace(mask.array[slice_index : slice_index + 1])[0].numpy()
        np.testing.assert_array_equal(trace.array, whole)

    for stamp in range(6):
        y, x = generator.integers(5, 80, 2)
        mask.array[1, y : y + 6, x : x + 4] = stamp != 3  # the fourth erases
        is_whole(1)
    is_whole(2)
    mask.array[2] |= mask.array[1]
    is_whole(2)
    mask.array[2] = False
    is_whole(2)
    assert not trace.array.any()

    mask.array[1, 10:20, 10:20] = True
    is_whole(1)
    stretched = TraceRequest(mask=mask, spacing_mm=(3.0, 1.0, 2.5), slice_index=1, trace=trace)
    mark_trace(stretched)
    other = FrontEnd(SliceFrame(SHAPE[1:], (1.0, 2.5)), torch.device("cpu"))
    np.testing.assert_array_equal(trace.array, other.trace(mask.array[1:2])[0].numpy())


def test_legs_apart_are_one_body_and_air_hides_nothing(arrays) -> None:
    hu, mask, _ = arrays
    hu.array[:] = -1000
    mask.array[:] = False
    mask.array[1, 30:60, 10:40] = True
    asked = dataclasses.replace(request(arrays, 1), hu=hu)
    assert mark_trace(asked).report["coverage"]["hidden_views"] == 0  # nothing there
    hu.array[1, 32:58, 12:38] = 40
    hu.array[1, 35:55, 60:80] = 40
    other = dataclasses.replace(asked, hu=_copied(hu))
    hidden = mark_trace(other).report["coverage"]["hidden_views"]
    other.hu.close()
    assert 0 < hidden < BEAM.views / 4  # where one leg hides the other


def _copied(shared: SharedArray) -> SharedArray:
    """Return a copy under another name, like another series."""
    copy = SharedArray.create(shared.array.shape, shared.array.dtype)
    copy.array[:] = shared.array
    return copy
