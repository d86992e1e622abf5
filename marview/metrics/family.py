"""Compute PSNR and SSIM by several published definitions, whose values are not comparable."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from marview.metrics.error import psnr_db
from marview.metrics.ranges import FULL, PRIMARY, HuRange, Image
from marview.metrics.ssim import ssim, ssim_in
from marview.volume.checked_mask import checked_mask

FULL_RANGE_GAIN_DB = 20 * math.log10(2.0)
"""PSNR in the range 0 to 1/cm minus PSNR in 0 to 0.5/cm if nothing is clipped: 6.02 dB."""


class Score(NamedTuple):
    """PSNR in dB and SSIM of one slice."""

    psnr_db: float
    ssim: float


def primary(result_hu: Image, truth_hu: Image, metal: NDArray[Any], hu_range: HuRange = PRIMARY) -> Score:
    """Compute marview's primary metric, used for SynDeepLesion since ACDNet and OSCNet (2022).

    Both images are clipped to 0 to 0.5/cm and scaled to [0, 1]. Metal pixels are set to 0 in both images, so
    their error is 0, but they are included in the mean. PSNR uses peak 1, and SSIM follows ssim.m. OSCNet's
    script also rounds the images to 8 bits, which lowers a PSNR of 43 dB by 0.1 dB; marview does not round.

    Args:
        result_hu: corrected image, HU, `[y, x]`.
        truth_hu: image from which the scan was simulated, not a reconstruction of the scan, HU, `[y, x]`.
        metal: metal mask, bool, `[y, x]`.
        hu_range: HU range to which images are clipped, such as the soft-tissue range.
    """
    return primary_in(result_hu, truth_hu, metal, [None], hu_range)[0]


def primary_in(
    result_hu: Image,
    truth_hu: Image,
    metal: NDArray[Any],
    regions: Sequence[NDArray[Any] | None],
    hu_range: HuRange = PRIMARY,
) -> list[Score]:
    """Compute the primary metric in regions of a slice, such as the ring around metal.

    Args:
        result_hu: corrected image, HU, `[y, x]`.
        truth_hu: ground truth, HU, `[y, x]`.
        metal: metal mask, bool, `[y, x]`; both images are set to 0 there.
        regions: regions to measure, bool, `[y, x]` each; None for the whole image, including metal.
        hu_range: HU range to which images are clipped.

    Returns:
        One score per region; NaN for an empty region.
    """
    keep = ~checked_mask(metal)
    result, truth = hu_range.scale(result_hu) * keep, hu_range.scale(truth_hu) * keep
    squares = (result - truth) ** 2
    similarities = ssim_in(result, truth, regions)
    scores = []
    for region, similarity in zip(regions, similarities, strict=True):
        counted = squares if region is None else squares[region]
        scores.append(Score(psnr_db(float(counted.mean())) if counted.size else math.nan, similarity))
    return scores


def full_range(result_hu: Image, truth_hu: Image, metal: NDArray[Any]) -> Score:
    """Compute PSNR and SSIM as in papers such as MARMamba (2026).

    Both images are clipped to 0 to 1/cm, scaled to [0, 1] and rounded to 8 bits. Metal is set to 0, and
    PSNR uses peak 1. Published PSNR values are 47 to 52 dB. The PSNR exceeds the primary metric's PSNR by
    about `FULL_RANGE_GAIN_DB` = 6.02 dB. The arguments are the same as for `primary`.
    """
    keep = ~checked_mask(metal)
    result = np.round(FULL.scale(result_hu) * 255) / 255 * keep
    truth = np.round(FULL.scale(truth_hu) * 255) / 255 * keep
    return Score(psnr_db(float(np.mean((result - truth) ** 2))), ssim(result, truth))


def adn(result_hu: Image, truth_hu: Image, uncorrected_hu: Image) -> Score:
    """Compute PSNR and SSIM as ADN's test program does (Liao 2019).

    Both images are clipped to 0 to 0.5/cm, and SSIM uses 7 x 7 boxes. Every pixel above 0.5/cm in the
    uncorrected image counts as metal, including bright streaks. ADN prints SSIM in %.

    Args:
        result_hu: corrected image, HU, `[y, x]`.
        truth_hu: ground truth, HU, `[y, x]`.
        uncorrected_hu: uncorrected image, HU, `[y, x]`.
    """
    keep = uncorrected_hu <= PRIMARY.high_hu
    result, truth = PRIMARY.scale(result_hu) * keep, PRIMARY.scale(truth_hu) * keep
    similarity = structural_similarity(result, truth, win_size=7, data_range=1.0)  # type: ignore[no-untyped-call]
    return Score(psnr_db(float(np.mean((result - truth) ** 2))), float(similarity))
