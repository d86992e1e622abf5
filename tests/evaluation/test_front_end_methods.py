"""Methods run on demo studies and volumes as on clinical images, in a real worker."""

import numpy as np
import pytest

from marview.errors import MethodFailed
from marview.evaluation.benchmark import Entry, run_benchmark
from marview.evaluation.case import KnownCase, ListedCase
from marview.evaluation.front_end_methods import FoundMetal, FrontEndMethods


@pytest.fixture(scope="module")
def methods():
    with FrontEndMethods("cpu") as made:
        yield made


@pytest.fixture
def volume(make_case):
    known = make_case()
    hu = known.uncorrected_hu.round().clip(-1024, 3071).astype(np.int16)
    empty = np.zeros_like(known.metal[:1])
    return np.concatenate([hu[:1], hu]), np.concatenate([empty, known.metal])


def test_consistency_is_measured_where_metal_is_and_slices_without_stay(methods, volume):
    hu, mask = volume
    told = []
    made = methods.correct(
        methods.entry("linear_interpolation"), hu, mask, (1.0, 2.0, 2.0), told.append, mapped_slice=2
    )
    assert np.array_equal(made.hu[0], hu[0])
    assert not np.array_equal(made.hu[1], hu[1])
    assert set(made.consistency) == {1, 2}
    assert all(0 < error < 0.5 for error in made.consistency.values())
    assert made.consistency_map is not None
    squares = made.consistency_map**2
    assert np.sqrt(squares.mean()) < made.consistency[2] < np.sqrt(squares[squares > 0].mean())
    assert told[-1] == 1


def test_a_study_goes_through_the_benchmark_with_the_metal_that_was_found(methods, make_case, tmp_path):
    known = make_case()
    study = KnownCase("study", known.case, known.truth_hu)
    methods.found["study"] = FoundMetal(known.metal, known.uncorrected_hu[:1].round().astype(np.int16))
    entries = [methods.entry(each) for each in ("linear_interpolation", "nmar")]
    results = run_benchmark(
        "none", [ListedCase("study", lambda: study)], entries, tmp_path, source="x", correct=methods
    )
    assert results.failures == ()
    record = results.record()["methods"]
    assert list(record) == ["input", "linear_interpolation", "nmar"]
    assert record["linear_interpolation"]["ring"]["rmse_hu"] < record["input"]["ring"]["rmse_hu"]
    assert any("forward projection of the image" in note["sentence"] for note in record["nmar"]["notes"])


def test_slices_of_what_was_corrected_are_handed_out_as_they_were_made(methods, make_case, monkeypatch):
    known = make_case()
    methods.found[known.name] = FoundMetal(known.metal, known.uncorrected_hu[:1].round().astype(np.int16))
    nmar, interpolation = methods.entry("nmar"), methods.entry("linear_interpolation")
    whole = methods(nmar, known, lambda _: None)
    ran = []
    correct = methods.correct
    monkeypatch.setattr(methods, "correct", lambda entry, *rest: ran.append(entry.id) or correct(entry, *rest))
    assert np.array_equal(methods(nmar, known.slice(1), lambda _: None).hu, whole.hu[1:2])
    assert ran == []
    methods(interpolation, known.slice(1), lambda _: None)
    methods(nmar, known, lambda _: None)  # a request for all slices is measured and timed again
    assert ran == ["linear_interpolation", "nmar"]


def test_a_refusal_of_a_method_is_reported(methods, volume):
    hu, mask = volume
    with pytest.raises(MethodFailed, match="no parameter"):
        methods.correct(Entry("nmar", "NMAR", {"nothing": 1}), hu, mask, (1.0, 2.0, 2.0))
