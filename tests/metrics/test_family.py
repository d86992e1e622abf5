import math

import numpy as np
import pytest

from marview.metrics import FULL_RANGE_GAIN_DB, PRIMARY, SOFT_TISSUE, adn, full_range, primary, primary_in

NO_METAL = np.zeros((64, 64), bool)


def _hu(share_of_primary_range):
    return PRIMARY.low_hu + share_of_primary_range * PRIMARY.width_hu


def test_primary_psnr_of_a_flat_error_by_hand():
    assert primary(_hu(np.full((64, 64), 0.5)), _hu(np.full((64, 64), 0.6)), NO_METAL).psnr_db == pytest.approx(20)


def test_metal_adds_no_error_but_counts_in_the_mean():
    truth, result, metal = _hu(np.full((64, 64), 0.5)), _hu(np.full((64, 64), 0.6)), NO_METAL.copy()
    metal[:48] = True  # a quarter of the squared error is left
    assert primary(result, truth, metal).psnr_db == pytest.approx(20 + 10 * math.log10(4))
    result[:48] = 1e6
    assert primary(result, truth, metal).psnr_db == pytest.approx(20 + 10 * math.log10(4))


def test_values_above_the_range_are_not_an_error():
    assert primary(np.full((64, 64), 9000), np.full((64, 64), 2000), NO_METAL).psnr_db == math.inf


def test_a_region_has_a_mean_of_its_own():
    truth, result, region = np.zeros((64, 64)), np.zeros((64, 64)), NO_METAL.copy()
    region[20:40, 20:40] = True
    result[region] = 0.1 * PRIMARY.width_hu
    whole, inside, nowhere = primary_in(result, truth, NO_METAL, [None, region, NO_METAL])
    assert whole.psnr_db == pytest.approx(20 + 10 * math.log10(64 * 64 / 400))
    assert inside.psnr_db == pytest.approx(20)
    assert inside.ssim < whole.ssim
    assert np.isnan(nowhere).all()


def test_in_the_soft_tissue_range_an_error_weighs_more(rng):
    truth = rng.normal(40, 20, (64, 64))
    narrow = primary(truth + 5, truth, NO_METAL, SOFT_TISSUE)
    assert narrow.psnr_db == pytest.approx(20 * math.log10(450 / 5))
    assert narrow.ssim < primary(truth + 5, truth, NO_METAL).ssim


def test_the_full_range_lies_6_db_above_the_primary():
    grey_level_hu = 2 * PRIMARY.width_hu / 255
    truth, result = PRIMARY.low_hu + np.array([[[51.0]], [[61.0]]]) * grey_level_hu * np.ones((64, 64))
    gain = full_range(result, truth, NO_METAL).psnr_db - primary(result, truth, NO_METAL).psnr_db
    assert gain == pytest.approx(FULL_RANGE_GAIN_DB) == pytest.approx(6.0206, abs=1e-4)


def test_the_full_range_rounds_to_8_bits():
    assert full_range(np.full((64, 64), 3.0), np.zeros((64, 64)), NO_METAL).psnr_db == math.inf


def test_adn_spares_what_was_bright_in_the_uncorrected_image():
    truth, uncorrected = _hu(np.full((64, 64), 0.5)), np.zeros((64, 64))
    result = _hu(np.full((64, 64), 0.6))
    assert adn(result, truth, uncorrected).psnr_db == pytest.approx(20)
    uncorrected[:48] = 1700  # above 0.5/cm
    assert adn(result, truth, uncorrected).psnr_db == pytest.approx(20 + 10 * math.log10(4))
