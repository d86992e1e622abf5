"""Image quality measures (PSNR, SSIM, RMSE, streaks, bone, metal) and agreement between readers."""

from marview.metrics.agreement import intraclass_correlation, weighted_kappa
from marview.metrics.case import CaseMeasures, Measures, mean, measure_case, measure_slice, standard_deviation, worst
from marview.metrics.error import ct_number_bias_hu, psnr_db, rmse_hu
from marview.metrics.family import FULL_RANGE_GAIN_DB, Score, adn, full_range, primary, primary_in
from marview.metrics.group import size_groups
from marview.metrics.overlap import Integrity, bone_integrity, dice, metal_integrity
from marview.metrics.ranges import FULL, PRIMARY, SOFT_TISSUE, HuRange
from marview.metrics.region import RING_PX, far_from, ring
from marview.metrics.ssim import ssim
from marview.metrics.streak import streak_amplitude_hu, streak_index

__all__ = [
    "FULL",
    "FULL_RANGE_GAIN_DB",
    "PRIMARY",
    "RING_PX",
    "SOFT_TISSUE",
    "CaseMeasures",
    "HuRange",
    "Integrity",
    "Measures",
    "Score",
    "adn",
    "bone_integrity",
    "ct_number_bias_hu",
    "dice",
    "far_from",
    "full_range",
    "intraclass_correlation",
    "mean",
    "measure_case",
    "measure_slice",
    "metal_integrity",
    "primary",
    "primary_in",
    "psnr_db",
    "ring",
    "rmse_hu",
    "size_groups",
    "ssim",
    "standard_deviation",
    "streak_amplitude_hu",
    "streak_index",
    "weighted_kappa",
    "worst",
]
