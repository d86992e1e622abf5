"""Compute all measures of a corrected case: the value for each slice, the mean and the worst value."""

from __future__ import annotations  # help() then shows annotations as they are written here

import dataclasses
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marview.errors import UsageError
from marview.metrics.error import ct_number_bias_hu, rmse_hu
from marview.metrics.family import adn, full_range, primary_in
from marview.metrics.overlap import bone_integrity, metal_integrity
from marview.metrics.ranges import SOFT_TISSUE, Image
from marview.metrics.region import ring
from marview.metrics.streak import streak_amplitude_hu, streak_index
from marview.text import count
from marview.volume.checked_mask import checked_mask

Better = Literal["higher", "lower", "nearer 0"]


def _measure(title: str, better: Better) -> Any:
    return field(metadata={"title": title, "better": better})


@dataclass(frozen=True, repr=False)
class Measures:
    """Measures of one slice, or the mean or worst values of the measures over several slices.

    A measure is NaN if it is undefined; for example, a slice without metal has no ring. The ring around
    metal is 20 pixels wide, and the soft-tissue range is -175 to 275 HU. The functions of `marview.metrics`
    define the measures.

    Attributes:
        psnr_db: peak signal-to-noise ratio outside metal, dB; higher is better.
        ssim: structural similarity, at most 1; higher is better.
        rmse_hu: root mean square error outside metal, HU; lower is better.
        soft_tissue_psnr_db: PSNR in the soft-tissue range, dB; higher is better.
        soft_tissue_ssim: SSIM in the soft-tissue range; higher is better.
        soft_tissue_rmse_hu: RMSE in the soft-tissue range, HU; lower is better.
        ring_psnr_db: PSNR in the ring around metal, dB; higher is better.
        ring_ssim: SSIM in the ring around metal; higher is better.
        ring_rmse_hu: RMSE in the ring around metal, HU; lower is better.
        ring_soft_tissue_psnr_db: PSNR in the ring, in the soft-tissue range, dB; higher is better.
        ring_soft_tissue_ssim: SSIM in the ring, in the soft-tissue range; higher is better.
        ring_soft_tissue_rmse_hu: RMSE in the ring, in the soft-tissue range, HU; lower is better.
        full_range_psnr_db: PSNR with images clipped to 0 to 1/cm, dB; higher is better.
        full_range_ssim: SSIM with images clipped to 0 to 1/cm; higher is better.
        adn_psnr_db: PSNR as computed by ADN's test program, dB; higher is better.
        adn_ssim: SSIM as computed by ADN's test program; higher is better.
        streak_amplitude_hu: mean of the highest 5 % of the errors in the ring minus the mean of the lowest
            5 %, HU; lower is better.
        streak_index: standard deviation of soft tissue in the ring, divided by the standard deviation of
            soft tissue far from metal; lower is better, and about 1 means no streaks.
        ct_number_bias_hu: mean error in soft tissue, HU; closer to 0 is better.
        bone_dice: Dice coefficient of the pixels above 150 HU, 0 to 1; higher is better.
        bone_volume_change: relative change in the number of these pixels, as a fraction; closer to 0 is better.
        metal_dice: Dice coefficient between the metal in the image and the mask, 0 to 1; higher is better.
        metal_volume_change: relative change in the number of metal pixels, as a fraction; closer to 0 is better.
    """

    psnr_db: float = _measure("PSNR", "higher")
    ssim: float = _measure("SSIM", "higher")
    rmse_hu: float = _measure("RMSE", "lower")
    soft_tissue_psnr_db: float = _measure("Soft tissue PSNR", "higher")
    soft_tissue_ssim: float = _measure("Soft tissue SSIM", "higher")
    soft_tissue_rmse_hu: float = _measure("Soft tissue RMSE", "lower")
    ring_psnr_db: float = _measure("Ring PSNR", "higher")
    ring_ssim: float = _measure("Ring SSIM", "higher")
    ring_rmse_hu: float = _measure("Ring RMSE", "lower")
    ring_soft_tissue_psnr_db: float = _measure("Ring soft tissue PSNR", "higher")
    ring_soft_tissue_ssim: float = _measure("Ring soft tissue SSIM", "higher")
    ring_soft_tissue_rmse_hu: float = _measure("Ring soft tissue RMSE", "lower")
    full_range_psnr_db: float = _measure("PSNR in [0, 1]/cm, +6", "higher")
    full_range_ssim: float = _measure("SSIM in [0, 1]/cm", "higher")
    adn_psnr_db: float = _measure("ADN PSNR", "higher")
    adn_ssim: float = _measure("ADN SSIM", "higher")
    streak_amplitude_hu: float = _measure("Streak amplitude", "lower")
    streak_index: float = _measure("Streak index", "lower")
    ct_number_bias_hu: float = _measure("CT number bias", "nearer 0")
    bone_dice: float = _measure("Bone Dice", "higher")
    bone_volume_change: float = _measure("Bone volume change", "nearer 0")
    metal_dice: float = _measure("Metal Dice", "higher")
    metal_volume_change: float = _measure("Metal volume change", "nearer 0")

    def __repr__(self) -> str:
        values = (f"{each.name}={getattr(self, each.name):.4g}" for each in dataclasses.fields(self))
        return f"Measures({', '.join(values)})"


class CaseMeasures(NamedTuple):
    """Measures of a case.

    Attributes:
        slices: measures of each slice.
        mean: mean of each measure over the slices for which it is defined.
        worst: worst value of each measure; different measures may come from different slices.
    """

    slices: tuple[Measures, ...]
    mean: Measures
    worst: Measures

    def __repr__(self) -> str:
        mean = self.mean
        return (
            f"CaseMeasures({count(len(self.slices), 'slice')}; mean: PSNR {mean.psnr_db:.1f} dB, SSIM {mean.ssim:.3f}, "
            f"ring RMSE {mean.ring_rmse_hu:.0f} HU, streak index {mean.streak_index:.1f})"
        )


def measure_case(
    result_hu: ArrayLike,
    truth_hu: ArrayLike,
    metal: ArrayLike | None,
    uncorrected_hu: ArrayLike | None = None,
    *,
    exclude: ArrayLike | None = None,
) -> CaseMeasures:
    """Compare the corrected slices of a case with the ground truth.

    A correction keeps the original values inside its mask. To compare corrections with different masks,
    exclude the union of the masks, so that all corrections are measured in the same pixels.

    Args:
        result_hu: corrected image with metal restored, HU, `[slice, y, x]`.
        truth_hu: true image without metal, HU, `[slice, y, x]`.
        metal: metal mask, bool, `[slice, y, x]`; None to skip the measures of the metal and the ring. An
            empty mask causes a warning.
        uncorrected_hu: uncorrected image, HU, `[slice, y, x]`; if None, ADN's measures are NaN.
        exclude: additional pixels to exclude, bool, `[slice, y, x]`. The measures *Metal Dice* and *Metal
            volume change* ignore this argument.

    Returns:
        The measures of each slice, and the mean and the worst value of each measure.

    Raises:
        UsageError: the arrays differ in shape, are not `[slice, y, x]`, or have slices smaller than 11 x 11
            pixels, or a mask contains values other than 0 and 1.
    """
    result, truth = np.asarray(result_hu), np.asarray(truth_hu)
    mask = np.zeros(truth.shape, bool) if metal is None else checked_mask(metal)
    uncorrected = None if uncorrected_hu is None else np.asarray(uncorrected_hu)
    left_out = None if exclude is None else checked_mask(exclude)
    shapes = [each.shape for each in (result, truth, mask, uncorrected, left_out) if each is not None]
    if len(set(shapes)) > 1:
        raise UsageError(
            "Result, ground truth, metal, uncorrected image and excluded pixels must have the same shape [slice, y, "
            f"x], not {', '.join(map(str, shapes))}."
        )
    if result.ndim != 3:
        raise UsageError(
            f"All images must have three axes [slice, y, x], but these have shape {result.shape}. Add the first axis "
            "to a single slice with hu[None]."
        )
    if metal is not None and not mask.any():
        warnings.warn("The metal mask is empty, so all measures of the ring and of metal are NaN.", stacklevel=2)
    slices = tuple(
        measure_slice(
            result[k],
            truth[k],
            mask[k],
            None if uncorrected is None else uncorrected[k],
            exclude=None if left_out is None else left_out[k],
        )
        for k in range(len(result))
    )
    return CaseMeasures(slices, mean(slices), worst(slices))


def measure_slice(
    result_hu: Image,
    truth_hu: Image,
    metal: NDArray[Any],
    uncorrected_hu: Image | None = None,
    *,
    exclude: NDArray[Any] | None = None,
) -> Measures:
    """Compare a corrected slice with its ground truth; arguments as in `measure_case`, but `[y, x]`."""
    left_out = metal = checked_mask(metal)
    if exclude is not None:
        exclude = checked_mask(exclude)
        left_out = metal | exclude
        # ADN excludes all bright pixels of the uncorrected image
        uncorrected_hu = None if uncorrected_hu is None else np.where(exclude, np.inf, uncorrected_hu)
    not_metal, around = ~left_out, ring(metal) & ~left_out
    soft_tissue = SOFT_TISSUE.holds(truth_hu) & not_metal
    pair = result_hu, truth_hu
    whole, near = primary_in(*pair, left_out, [None, around])
    soft, near_soft = primary_in(*pair, left_out, [None, around], SOFT_TISSUE)
    wide = full_range(*pair, left_out)
    by_adn = (math.nan, math.nan) if uncorrected_hu is None else adn(*pair, uncorrected_hu)
    bone, kept_metal = bone_integrity(*pair, left_out), metal_integrity(*pair, metal)
    return Measures(
        psnr_db=whole.psnr_db,
        ssim=whole.ssim,
        rmse_hu=rmse_hu(*pair, not_metal),
        soft_tissue_psnr_db=soft.psnr_db,
        soft_tissue_ssim=soft.ssim,
        soft_tissue_rmse_hu=rmse_hu(*pair, not_metal, SOFT_TISSUE),
        ring_psnr_db=near.psnr_db,
        ring_ssim=near.ssim,
        ring_rmse_hu=rmse_hu(*pair, around),
        ring_soft_tissue_psnr_db=near_soft.psnr_db,
        ring_soft_tissue_ssim=near_soft.ssim,
        ring_soft_tissue_rmse_hu=rmse_hu(*pair, around, SOFT_TISSUE),
        full_range_psnr_db=wide.psnr_db,
        full_range_ssim=wide.ssim,
        adn_psnr_db=by_adn[0],
        adn_ssim=by_adn[1],
        streak_amplitude_hu=streak_amplitude_hu(*pair, around),
        streak_index=streak_index(result_hu, metal, soft_tissue),
        ct_number_bias_hu=ct_number_bias_hu(*pair, soft_tissue),
        bone_dice=bone.dice,
        bone_volume_change=bone.volume_change,
        metal_dice=kept_metal.dice,
        metal_volume_change=kept_metal.volume_change,
    )


def mean(slices: Sequence[Measures]) -> Measures:
    """Return the mean of each measure over the slices for which it is defined."""
    return Measures(**{name: _mean(values) for name, values in _columns(slices).items()})


def standard_deviation(slices: Sequence[Measures]) -> Measures:
    """Return each measure's standard deviation over the slices where it is defined; NaN if a value is infinite."""
    return Measures(**{name: _deviation(values) for name, values in _columns(slices).items()})


def worst(slices: Sequence[Measures]) -> Measures:
    """Return the worst value of each measure."""
    return Measures(**{name: _worst(values, name) for name, values in _columns(slices).items()})


def _columns(slices: Sequence[Measures]) -> dict[str, list[float]]:
    names = [each.name for each in dataclasses.fields(Measures)]
    return {name: [v for v in (getattr(each, name) for each in slices) if not math.isnan(v)] for name in names}


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _deviation(values: list[float]) -> float:
    return float(np.std(values)) if values and np.isfinite(values).all() else math.nan


_BETTER: dict[str, Better] = {each.name: each.metadata["better"] for each in dataclasses.fields(Measures)}


def _worst(values: list[float], name: str) -> float:
    if not values:
        return math.nan
    better = _BETTER[name]
    if better == "higher":
        return min(values)
    return max(values) if better == "lower" else max(values, key=abs)
