"""Measure the results of a sweep, in the same pixels for all variants.

Each variant keeps the original values inside its mask. Pixels that are metal in any variant are
therefore excluded, because their values depend on the mask and not on the method.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marview.mar.sweep_plan import Variant
from marview.mar.sweep_result import SweepResult
from marview.metrics.error import rmse_hu
from marview.metrics.region import ring
from marview.metrics.streak import streak_index

SOFT_TISSUE_HU = (-100, 200)
"""HU limits of soft tissue for the streak index, in the ground truth if known, else in the mean of all results."""


@dataclass(frozen=True)
class Row:
    """Measures of one variant over all slices of a sweep; NaN if a measure is not available.

    Attributes:
        variant: the variant.
        metal_voxels: number of voxels in the variant's mask in these slices.
        mean_hu: mean HU in the region.
        deviation_hu: standard deviation in the region.
        streak_index: mean over the slices of `marview.metrics.streak_index`, around the given mask.
        rmse_hu: root mean square error outside the metal masks of all variants, averaged over the slices.
        seconds: duration of the run; 0 if the result of a run with the same mask was reused.
        note: reason for a missing result; empty if there is a result.
        remark: remark on the variant, for instance that its margin does not change the mask.
    """

    variant: Variant
    metal_voxels: int
    mean_hu: float = math.nan
    deviation_hu: float = math.nan
    streak_index: float = math.nan
    rmse_hu: float = math.nan
    seconds: float = 0.0
    note: str = ""
    remark: str = ""


def measure(result: SweepResult) -> tuple[Row, ...]:
    """Measure every variant, starting with the uncorrected slices.

    The mean and standard deviation are measured in the result's region. If the result has no region, they
    are measured in the soft tissue within 20 pixels of the metal. The streak index and the error relative
    to the ground truth do not depend on the region.
    """
    metal = _any_metal(result)
    soft = _soft_tissue(result) & ~metal
    region = result.region
    if region is None:
        region = soft & np.stack([ring(image) for image in result.masks["original"]])
    return within(tuple(_row(result, variant, soft, ~metal) for variant in result.variants), result, region)


def within(rows: Sequence[Row], result: SweepResult, region: NDArray[np.bool_]) -> tuple[Row, ...]:
    """Remeasure the mean and standard deviation in another region, bool `[slice, y, x]`, excluding metal."""
    where = np.nonzero(region & ~_any_metal(result))

    def measured(row: Row) -> Row:
        if row.note:
            return row
        inside = result.hu[row.variant.name][where].astype(np.float64)
        return replace(
            row,
            mean_hu=float(inside.mean()) if inside.size else math.nan,
            deviation_hu=float(inside.std(ddof=1)) if inside.size > 1 else math.nan,
        )

    return tuple(measured(row) for row in rows)


def region_notes(result: SweepResult) -> list[str]:
    """Return a message if part of the region is excluded because at least one variant has metal there."""
    if result.region is None:
        return []
    total, lost = (int(np.count_nonzero(part)) for part in (result.region, result.region & _any_metal(result)))
    if not lost:
        return []
    if lost == total:
        return ["In at least one variant, the whole region is inside the metal, so the mean and SD are left out."]
    return [
        f"The region is measured without {lost} of its {total} voxels, because at least one variant has metal there."
    ]


def _row(result: SweepResult, variant: Variant, soft: NDArray[np.bool_], counts: NDArray[np.bool_]) -> Row:
    name = variant.name
    if name not in result.hu:
        return Row(variant, 0, note=result.notes[name])
    metal, hu = result.masks["original"], result.hu[name]
    errors = []
    if result.truth_hu is not None:
        errors = [
            rmse_hu(image.astype(np.float32), truth.astype(np.float32), region)
            for image, truth, region in zip(hu, result.truth_hu, counts, strict=True)
        ]
    return Row(
        variant,
        int(np.count_nonzero(result.masks[name])),
        streak_index=_mean([streak_index(*each) for each in zip(hu, metal, soft, strict=True)]),
        rmse_hu=_mean(errors),
        seconds=float(result.reports.get(name, {}).get("seconds", 0.0)),
        remark=result.remark(variant),
    )


def _soft_tissue(result: SweepResult) -> NDArray[np.bool_]:
    """Segment soft tissue in the ground truth if known, or in the mean of all results, which has the fewest streaks."""
    tissue: NDArray[np.float32]
    if result.truth_hu is not None:
        tissue = result.truth_hu.astype(np.float32)
    else:
        tissue = np.zeros(result.masks["original"].shape, np.float32)
        for hu in result.hu.values():
            tissue += hu
        tissue /= len(result.hu)
    lowest, highest = SOFT_TISSUE_HU
    return np.asarray((tissue >= lowest) & (tissue <= highest))


def _any_metal(result: SweepResult) -> NDArray[np.bool_]:
    metal = np.zeros_like(result.masks["original"])
    for mask in result.masks.values():
        metal |= mask
    return metal


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
