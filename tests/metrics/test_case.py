import dataclasses
import math
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from marview.errors import UsageError
from marview.evaluation.tables import measure_lines
from marview.metrics import Measures, mean, measure_case, measure_slice, primary, ring, standard_deviation, worst


@pytest.fixture
def case(rng):
    truth = rng.normal(40, 15, (2, 128, 128))
    truth[:, :, 100:120] = 600
    metal = np.zeros(truth.shape, bool)
    metal[:, 40:50, 40:50] = True
    uncorrected = np.where(metal, 8000, truth + rng.normal(0, 60, truth.shape))
    result = np.where(metal, 8000, truth + rng.normal(0, 20, truth.shape))
    result[1] += rng.normal(0, 40, metal[1].shape)
    return result, truth, metal, uncorrected


def test_every_measure_of_an_ordinary_case_is_finite(case):
    assert np.isfinite(dataclasses.astuple(measure_case(*case).mean)).all()


def test_a_measure_of_a_slice_is_the_metric_of_that_name(case):
    result, truth, metal, uncorrected = (each[0] for each in case)
    measures = measure_slice(result, truth, metal, uncorrected)
    assert (measures.psnr_db, measures.ssim) == primary(result, truth, metal)
    assert measures.metal_dice == 1


def test_the_correction_of_a_worse_image_measures_worse_in_every_way(case):
    _, truth, metal, uncorrected = case
    good, bad = measure_case(*case).mean, measure_case(uncorrected, truth, metal, uncorrected).mean
    for name in ("psnr_db", "ssim", "ring_psnr_db", "ring_ssim", "soft_tissue_psnr_db", "full_range_psnr_db"):
        assert getattr(good, name) > getattr(bad, name)
    for name in ("rmse_hu", "ring_rmse_hu", "soft_tissue_rmse_hu", "streak_amplitude_hu"):
        assert getattr(good, name) < getattr(bad, name)


def test_mean_and_worst_of_a_case(case):
    first, second = (measured := measure_case(*case)).slices
    assert measured.mean.psnr_db == pytest.approx((first.psnr_db + second.psnr_db) / 2)
    assert measured.worst.psnr_db == second.psnr_db
    assert measured.worst.rmse_hu == second.rmse_hu


def test_the_worst_of_a_signed_measure_is_the_one_farthest_from_0():
    slices = [dataclasses.replace(_nothing(), ct_number_bias_hu=bias) for bias in (-30.0, 20.0, 1.0)]
    assert worst(slices).ct_number_bias_hu == -30


def test_undefined_values_are_left_out_of_the_mean():
    slices = [dataclasses.replace(_nothing(), ring_rmse_hu=value) for value in (math.nan, 10.0, 20.0)]
    assert mean(slices).ring_rmse_hu == 15
    assert standard_deviation(slices).ring_rmse_hu == 5
    assert math.isnan(mean(slices).psnr_db)
    assert math.isnan(worst(slices).psnr_db)


def test_without_metal_the_image_has_measures_but_the_ring_has_none(case):
    result, truth, *_ = case
    measured = measure_case(result, truth, None).mean
    assert math.isfinite(measured.psnr_db)
    assert math.isnan(measured.ring_psnr_db)
    assert math.isnan(measured.adn_psnr_db)


def test_the_page_of_the_metrics_explains_every_row(case):
    page = (Path(__file__).parents[2] / "docs/reference/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| `(\w+)` \| (\w+) \| ([\w ]+) \| .+ \|$", page, re.MULTILINE)
    measured = measure_case(*case)
    labels = [line[0] for line in measure_lines([(measured.mean, measured.worst)])]
    assert [label for label, *_ in rows] == labels
    fields = dataclasses.fields(Measures)
    assert [(field, better) for _, field, _, better in rows] == [(f.name, f.metadata["better"]) for f in fields]


def test_an_empty_mask_warns_and_no_mask_does_not(case):
    result, truth, metal, _ = case
    with pytest.warns(UserWarning, match="mask is empty"):
        empty = measure_case(result, truth, np.zeros_like(metal))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert measure_case(result, truth, None).mean.psnr_db == empty.mean.psnr_db


def test_excluded_pixels_are_not_measured(case):
    result, truth, metal, uncorrected = case
    rim = ring(metal[0], 3)[None].repeat(2, axis=0)
    kept = np.where(rim, result - 100, result)  # as pixels that a large mask keeps
    measured = measure_case(kept, truth, metal, uncorrected, exclude=rim).mean
    assert measured == measure_case(result, truth, metal, uncorrected, exclude=rim).mean
    assert measured.ring_rmse_hu == pytest.approx(measure_case(result, truth, metal).mean.ring_rmse_hu, rel=0.1)
    assert measure_case(kept, truth, metal).mean.ring_rmse_hu > 1.2 * measured.ring_rmse_hu


@pytest.mark.parametrize("name", ["metal", "exclude"])
def test_fractions_of_metal_are_refused(case, name):
    result, truth, metal, uncorrected = case
    masks = {"metal": metal, "exclude": metal} | {name: metal * 0.3}
    with pytest.raises(UsageError, match="0 and 1"):
        measure_case(result, truth, uncorrected_hu=uncorrected, **masks)


def test_slices_smaller_than_the_window_of_ssim_are_refused(case):
    with pytest.raises(UsageError, match="at least 11 x 11 pixels, not 8 x 8"):
        measure_case(*(each[:, :8, :8] for each in case[:2]), None)


def test_a_notebook_shows_measures_in_short(case):
    measured = measure_case(*case)
    assert re.fullmatch(
        r"CaseMeasures\(2 slices; mean: PSNR [\d.]+ dB, SSIM [\d.]+, ring RMSE \d+ HU, streak index [\d.]+\)",
        repr(measured),
    )
    assert f"psnr_db={measured.mean.psnr_db:.4g}, ssim=" in repr(measured.mean)


def test_every_measure_is_explained_in_the_help():
    assert [each.name for each in dataclasses.fields(Measures) if f" {each.name}: " not in Measures.__doc__] == []


def test_images_that_are_not_alike_are_refused(case):
    result, truth, metal, _ = case
    for wrong in ((result[:1], truth, metal), (result[0], truth, metal), (result, truth, metal, result[:1])):
        with pytest.raises(UsageError, match="the same shape"):
            measure_case(*wrong)
    with pytest.raises(UsageError, match=r"must have three axes \[slice, y, x\]"):
        measure_case(result[0], truth[0], metal[0])


def test_tensors_and_masks_of_0_and_1_are_measured_as_arrays(case):
    torch = pytest.importorskip("torch")
    result, truth, metal, uncorrected = case
    tensors = [torch.from_numpy(np.array(each)) for each in (result, truth, metal.astype(np.uint8), uncorrected)]
    assert repr(measure_case(*tensors).mean) == repr(measure_case(result, truth, metal, uncorrected).mean)


def _nothing() -> Measures:
    return Measures(**{each.name: math.nan for each in dataclasses.fields(Measures)})
