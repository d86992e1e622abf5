import numpy as np
import pytest

from marview.errors import BadInput
from marview.evaluation.simulated import list_simulated
from marview.physics import MISMATCHED, protocol
from marview.slices.clean import CleanSlice
from marview.slices.shapes import shapes_of_sizes

PROTOCOL = protocol("adn-256")


@pytest.fixture
def slices():
    y, x = np.mgrid[-128:128, -128:128]
    hu = np.where(x**2 / 1.5**2 + y**2 < 70**2, 40.0, -1000.0).astype(np.float32)
    return [CleanSlice("one", lambda: hu), CleanSlice("air", lambda: np.full_like(hu, -1000))]


@pytest.fixture
def shapes():
    y, x = np.mgrid[-32:32, -32:32]
    return shapes_of_sizes(np.stack([x**2 + y**2 < 400]), 256, [900, 200])


def test_a_clean_slice_becomes_a_case_with_every_shape(slices, shapes):
    known = list_simulated(slices, shapes, PROTOCOL)[0].read()
    assert known.truth_hu.shape == known.metal.shape == (2, 256, 256)
    np.testing.assert_allclose(known.truth_hu[1], slices[0].read(), atol=0.01)
    assert known.uncorrected_hu[known.metal].mean() > 3000
    error = np.abs(known.uncorrected_hu - known.truth_hu)[~known.metal]
    assert error.mean() > 1


def test_the_trace_of_the_mask_is_the_simulated_trace(slices, shapes):
    case = list_simulated(slices, shapes, PROTOCOL)[0].read().case
    trace = case.projector.trace(case.metal)
    assert float((trace & case.measured_trace).sum() / (trace | case.measured_trace).sum()) > 0.95


def test_the_same_seed_gives_the_same_case_and_another_one_another(slices, shapes):
    first, again, other = (
        list_simulated(slices, shapes, PROTOCOL, seed=seed)[0].read().uncorrected_hu for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_another_scanner_sees_the_same_metal_in_other_rays(slices, shapes):
    usual, other = (list_simulated(slices, shapes, PROTOCOL, scanner=each)[0].read() for each in (None, MISMATCHED))
    assert np.array_equal(usual.metal, other.metal)
    assert np.array_equal(usual.truth_hu, other.truth_hu)
    assert 1 < np.abs(usual.uncorrected_hu - other.uncorrected_hu).mean() < 300


def test_a_slice_without_a_place_for_metal_is_refused_by_name(slices, shapes):
    with pytest.raises(BadInput, match=r"Case air.*does not fit"):
        list_simulated(slices, shapes, PROTOCOL)[1].read()


def test_an_unknown_material_is_refused(slices, shapes):
    with pytest.raises(BadInput, match="unobtainium"):
        list_simulated(slices, shapes, PROTOCOL, material="unobtainium")[0].read()
