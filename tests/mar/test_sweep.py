"""A sweep varies the mask, measures in one region, and shows where the result depends on the mask."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from marview.errors import BadInput, UsageError
from marview.mar import MarWorker, Outcome, SharedArray
from marview.mar.run import Run
from marview.mar.sweep import SweepCancelled, SweepInput, sweep
from marview.mar.sweep_measures import measure, region_notes
from marview.mar.sweep_plan import Variant, plan

pytestmark = pytest.mark.own_workers

SPACING = (2.0, 1.0, 1.0)


class Worker:
    """Worker that lowers the ring around the mask by one HU per metal pixel, and counts its calls."""

    def __init__(self) -> None:
        self.requests: list = []

    def reduce(self, request, on_message) -> SimpleNamespace:
        self.requests.append(request)
        for row, k in enumerate(request.slices):
            mask = request.mask.array[k]
            request.correction.array[row] = np.where(mask, 0, -float(mask.sum()))
        outcome = Outcome("done", report={"seconds": 1.0, "method": request.method})
        return SimpleNamespace(wait=lambda timeout: outcome, cancel=lambda: None)


def given(hu: SharedArray, **changes) -> SweepInput:
    hu.array[:] = -1000
    y, x = np.ogrid[:80, :80]
    hu.array[:, np.hypot(y - 40, x - 40) < 36] = 40
    metal = np.zeros(hu.array.shape, bool)
    metal[1:3, 38:43, 38:43] = True
    hu.array[metal] = 8000
    return SweepInput(**{"hu": hu, "spacing_mm": SPACING, "metal": metal, **changes})


@pytest.fixture
def hu():
    with SharedArray.create((4, 80, 80), np.int16) as shared:
        yield shared


def test_the_plan_contains_every_method_with_every_mask_once() -> None:
    variants = plan(["a", "b"], margins_mm=[-1, 0, 1, 1], margins_px=[2], thresholds_hu=[2000, 3000])
    assert len(variants) == 2 * 4 * 2
    assert Variant("a", 2, "px", 3000) in variants
    assert len({variant.name for variant in variants}) == len(variants)


@pytest.mark.parametrize("changes", [{}, {"margins_mm": [1.0]}, {"margins_mm": [0.0, math.nan]}])
def test_a_plan_without_anything_to_compare_is_refused(changes: dict) -> None:
    with pytest.raises(UsageError):
        plan(["a"], **changes)


def test_variants_get_their_masks_and_only_slices_with_metal_are_run(hu) -> None:
    worker = Worker()
    result = sweep(given(hu), plan(["a"], margins_mm=[-1, 0, 1]), worker)
    assert result.slices == (1, 2)
    assert [row.metal_voxels for row in measure(result)] == [50, 18, 50, 50 + 2 * 20]
    assert all(request.slices == (1, 2) for request in worker.requests)
    assert result.hu["a_+1mm"].shape == (2, 80, 80)


def test_pixels_are_counted_within_the_slice(hu) -> None:
    thing = given(hu, spacing_mm=(0.5, 3.0, 3.0))
    result = sweep(thing, plan(["a"], margins_px=[0, 1]), Worker())
    assert measure(result)[2].metal_voxels == 50 + 2 * 20


def test_a_threshold_makes_a_mask_of_its_own(hu) -> None:
    thing = given(hu)
    hu.array[1, 20, 20] = 3000
    result = sweep(thing, plan(["a"], thresholds_hu=[2000, 5000]), Worker())
    assert [row.metal_voxels for row in measure(result)[1:]] == [51, 50]


def test_equal_masks_are_run_once(hu) -> None:
    worker = Worker()
    result = sweep(given(hu), plan(["a"], margins_mm=[0, 0.1, 0.2], thresholds_hu=[2000, 3000]), worker)
    assert len(worker.requests) == 1
    assert [row.seconds for row in measure(result)] == [0.0, 1.0, 0, 0, 0, 0, 0]
    assert (result.spread_hu("a", 1) == 0).all()


def test_a_vanishing_mask_is_reported_and_the_rest_continues(hu) -> None:
    result = sweep(given(hu), plan(["a"], margins_mm=[-9, 0]), Worker())
    assert measure(result)[1].note == "The mask contains no metal."
    assert math.isnan(measure(result)[1].mean_hu)
    assert "a_-9mm" not in result.hu


def test_a_variant_that_covers_the_body_is_reported_and_not_run(hu) -> None:
    worker = Worker()
    result = sweep(given(hu), plan(["a"], margins_mm=[0, 60]), worker)
    assert "of the body" in measure(result)[2].note
    assert len(worker.requests) == 1
    with pytest.raises(UsageError, match="No variant can be run"):
        sweep(given(hu), plan(["a"], margins_mm=[60, 70]), worker)
    assert len(worker.requests) == 1


def test_margins_that_make_no_difference_are_noted(hu) -> None:
    result = sweep(given(hu), plan(["a", "b"], margins_mm=[-0.5, 0, 1]), Worker())
    assert [[one.name for one in group] for group in result.equal_masks()] == [
        ["a_-0.5mm", "a_+0mm"],
        ["b_-0.5mm", "b_+0mm"],
    ]


def test_every_mask_is_measured_in_the_same_place(hu) -> None:
    thing = given(hu)
    truth = hu.array.copy()
    truth[thing.metal] = 40
    result = sweep(SweepInput(hu, SPACING, thing.metal, truth_hu=truth), plan(["a"], margins_mm=[0, 1]), Worker())
    original, same, grown = measure(result)
    assert original.mean_hu == pytest.approx(40)
    assert same.mean_hu == pytest.approx(40 - 25)
    # pixels that are metal in the grown mask are not measured in any variant
    assert grown.mean_hu == pytest.approx(40 - 45)
    assert original.rmse_hu == 0
    assert same.rmse_hu > 10


def test_the_spread_is_the_deviation_over_the_variants(hu) -> None:
    result = sweep(given(hu), plan(["a", "b"], margins_mm=[-1, 0, 1]), Worker())
    stacked = np.stack([result.hu[f"a_{name}"] for name in ("-1mm", "+0mm", "+1mm")]).astype(float)
    expected = stacked.std(axis=0, ddof=1)
    np.testing.assert_allclose([result.spread_hu("a", k) for k in (1, 2)], expected, atol=1e-3)
    assert result.methods == ("a", "b")


def test_a_cancelled_sweep_asks_for_nothing_more_and_ends_the_run_under_way(hu) -> None:
    worker, cancelled = Worker(), []
    asked = iter([False, True, True])
    run = Run(None, "", lambda message: None, lambda run: (cancelled.append(1), run.end(Outcome("cancelled"))))
    worker.reduce = lambda request, on_message: run
    with pytest.raises(SweepCancelled, match="cancelled"):
        sweep(given(hu), plan(["a"], margins_mm=[0, 1]), worker, is_cancelled=lambda: next(asked))
    assert cancelled


def test_a_region_of_ones_own_is_measured(hu) -> None:
    region = np.zeros(hu.array.shape, bool)
    region[1, 50, 50] = True
    result = sweep(given(hu, region=region), plan(["a"], margins_mm=[0, 1]), Worker())
    assert [row.mean_hu for row in measure(result)] == [40, 15, 40 - 45]


def test_metal_in_a_region_is_noted_and_a_region_elsewhere_is_refused(hu) -> None:
    region = np.zeros(hu.array.shape, bool)
    region[1, 40, 43:47] = True  # one of its voxels is metal in the mask grown by 1 mm
    variants = plan(["a"], margins_mm=[0, 1])
    result = sweep(given(hu, region=region), variants, Worker())
    assert region_notes(result) == [
        "The region is measured without 1 of its 4 voxels, because at least one variant has metal there."
    ]
    assert region_notes(sweep(given(hu), variants, Worker())) == []
    inside = sweep(given(hu, region=given(hu).metal), variants, Worker())
    assert region_notes(inside)[0].endswith("mean and SD are left out.")
    assert math.isnan(measure(inside)[0].mean_hu)
    worker = Worker()
    with pytest.raises(BadInput, match="No slice of the sweep contains"):
        sweep(given(hu, region=np.roll(region, 2, axis=0)), variants, worker)
    assert not worker.requests


def test_an_invalid_sweep_is_refused_before_any_run(hu) -> None:
    worker = Worker()
    variants = plan(["a"], margins_mm=[0, 1])
    with pytest.raises(BadInput, match="empty"):
        sweep(given(hu, metal=np.zeros(hu.array.shape, bool)), variants, worker)
    with pytest.raises(UsageError, match="Slice index 9 is out of range"):
        sweep(given(hu, slices=(9,)), variants, worker)
    with pytest.raises(UsageError, match="contains metal"):
        sweep(given(hu, slices=(0,)), variants, worker)
    assert not worker.requests


@pytest.mark.slow
def test_a_real_method_is_swept(hu) -> None:
    with MarWorker() as worker:
        result = sweep(given(hu), plan(["linear_interpolation"], margins_px=[-1, 0, 2]), worker, device="cpu")
    assert all(np.isfinite(row.mean_hu) for row in measure(result))
    assert result.spread_hu("linear_interpolation", 1).max() > 0


@pytest.mark.slow
def test_a_slice_is_projected_once_in_a_sweep_and_its_results_are_those_of_single_runs(hu) -> None:
    methods = ["linear_interpolation", "nmar"]
    thing = given(hu)
    with MarWorker() as worker:
        result = sweep(thing, plan(methods, margins_mm=[0, 1, 2]), worker, device="cpu")
        again = sweep(thing, plan(methods, margins_mm=[1, 3]), worker, device="cpu")
    projected = [report["slices_projected"] for report in result.reports.values()]
    assert projected == [2, 0, 0, 0, 0, 0]
    assert [report["slices_projected"] for report in again.reports.values()] == [0, 0, 0, 0]
    with MarWorker() as fresh:
        alone = sweep(thing, plan(methods, margins_mm=[1, 3]), fresh, device="cpu")
    for name in ("linear_interpolation_+1mm", "nmar_+1mm"):
        np.testing.assert_array_equal(result.hu[name], again.hu[name])
        # one slice or two at once differ in the last bit of float32
        np.testing.assert_allclose(result.hu[name], alone.hu[name], atol=1)


def test_runs_know_the_metal_of_slices_outside_the_sweep_and_the_switch_of_restoring(hu) -> None:
    seen: list[tuple[list[int], bool]] = []

    class Looking(Worker):
        def reduce(self, request, on_message) -> SimpleNamespace:
            with_metal = np.flatnonzero(request.mask.array.any(axis=(1, 2))).tolist()
            seen.append((with_metal, request.restore_cut_off))
            return super().reduce(request, on_message)

    sweep(given(hu, slices=(2,)), plan(["a"], margins_mm=[0, 1]), Looking(), restore_cut_off=False)
    assert seen == [([1, 2], False)] * 2
