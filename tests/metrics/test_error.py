import math

import numpy as np
import pytest

from marview.metrics import FULL, PRIMARY, SOFT_TISSUE, ct_number_bias_hu, psnr_db, rmse_hu


def test_the_primary_range_is_minus_1000_to_1604_hu_and_the_full_one_ends_at_4208():
    assert PRIMARY.low_hu == FULL.low_hu == -1000
    assert PRIMARY.high_hu == pytest.approx(1604.1667, abs=1e-4)
    assert FULL.high_hu == pytest.approx(4208.3333, abs=1e-4)


def test_a_range_scales_its_ends_to_0_and_1_and_cuts_off_beyond():
    assert SOFT_TISSUE.scale(np.array([-2000, -175, 50, 275, 3000])).tolist() == [0, 0, 0.5, 1, 1]


def test_psnr_by_hand():
    assert psnr_db(0.01) == pytest.approx(20)
    assert psnr_db(0.01, peak=10) == pytest.approx(40)
    assert psnr_db(0) == math.inf


def test_rmse_counts_the_region_alone_and_cuts_both_images_off():
    truth = np.array([[0.0, 0.0, 0.0, 1604.1667]])
    result = np.array([[30.0, -40.0, 9999.0, 5000.0]])
    assert rmse_hu(result, truth, np.array([[True, True, False, False]])) == pytest.approx(math.sqrt(1250))
    assert rmse_hu(result, truth, np.array([[False, False, False, True]])) == pytest.approx(0, abs=1e-3)
    assert math.isnan(rmse_hu(result, truth, np.zeros((1, 4), bool)))


def test_rmse_in_the_soft_tissue_range_sees_no_error_beyond_it():
    assert rmse_hu(np.array([[900.0]]), np.array([[265.0]]), np.array([[True]]), SOFT_TISSUE) == pytest.approx(10)


def test_bias_keeps_its_sign_and_streaks_cancel_in_it():
    truth = np.zeros((1, 4), np.int16)
    everywhere = np.ones((1, 4), bool)
    assert ct_number_bias_hu(np.array([[-12, -8, -10, -10]]), truth, everywhere) == -10
    assert ct_number_bias_hu(np.array([[500, -500, 7, -7]]), truth, everywhere) == 0
