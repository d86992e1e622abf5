"""The result of a sweep: the images and masks of all variants."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.geometry import SliceNumbers
from marview.mar.sweep_plan import Variant


@dataclass(frozen=True, eq=False)
class SweepResult:
    """Result of a sweep.

    Attributes:
        slices: z indices of the slices.
        variants: all variants, the uncorrected slices first.
        hu: int16 HU `[slice, y, x]` of each variant with a result, by name; also "original".
        masks: mask of each variant, bool `[slice, y, x]`, by name; "original" is the mask before margins
            are applied.
        notes: reason why a variant has no result, by name.
        region: region in which mean and standard deviation are measured, bool `[slice, y, x]`; None for the
            soft tissue around metal.
        truth_hu: true image without metal, HU `[slice, y, x]`, if known.
        reports: worker report for each run, by name.
        numbers: slice numbers as shown to users.
        voxel_mm: smallest distance between voxels of the mask.
    """

    slices: tuple[int, ...]
    variants: tuple[Variant, ...]
    hu: dict[str, NDArray[np.int16]]
    masks: dict[str, NDArray[np.bool_]]
    notes: dict[str, str] = field(default_factory=dict)
    region: NDArray[np.bool_] | None = None
    truth_hu: NDArray[np.int16] | None = None
    reports: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    numbers: SliceNumbers = field(default_factory=SliceNumbers)
    voxel_mm: float = math.nan

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods that have a result."""
        return tuple(dict.fromkeys(one.method for one in self.variants if one.method and one.name in self.hu))

    def of(self, method: str) -> list[Variant]:
        """Return a method's variants that have a result."""
        return [one for one in self.variants if one.method == method and one.name in self.hu]

    def equal_masks(self) -> list[tuple[Variant, ...]]:
        """Return groups of variants with different margins but equal masks, such as margins below the voxel size."""
        groups: dict[tuple[str, float | None, bytes], list[Variant]] = {}
        for one in self.variants:
            if one.method and one.name in self.masks:
                key = (one.method, one.threshold_hu, np.packbits(self.masks[one.name]).tobytes())
                groups.setdefault(key, []).append(one)
        return [tuple(group) for group in groups.values() if len(group) > 1]

    def remark(self, variant: Variant) -> str:
        """Return a remark if a margin closer to 0 gives the same mask; otherwise, return an empty string."""
        for group in self.equal_masks():
            if variant in group and variant != min(group, key=lambda one: abs(one.margin)):
                return "gives no new mask" + ("" if math.isnan(self.voxel_mm) else f" at {self.voxel_mm:.3g} mm voxels")
        return ""

    def equal_mask_notes(self) -> list[str]:
        """Return one message per group of margins with equal masks, regardless of method and threshold."""
        labels = (", ".join(replace(one, threshold_hu=None).label for one in group) for group in self.equal_masks())
        return [
            f"Margins {text} gave the same mask, because distances are measured between voxel centres."
            for text in dict.fromkeys(labels)
        ]

    def spread_hu(self, method: str, slice_index: int) -> NDArray[np.float32]:
        """Compute the standard deviation of each pixel in one slice, `[y, x]`, across a method's variants."""
        at = self.slices.index(slice_index)
        return _spread(self.hu[one.name][at] for one in self.of(method))


def _spread(results: Iterable[NDArray[np.int16]]) -> NDArray[np.float32]:
    """Return the standard deviation over the results; 0 for a single result."""
    images = list(results)
    total = np.zeros(images[0].shape, np.float64)
    squares = np.zeros_like(total)
    # The differences from the first result are small, so their squares lose no precision.
    for hu in images:
        difference = hu.astype(np.float64) - images[0]
        total += difference
        squares += difference**2
    count = len(images)
    variance = (squares - total**2 / count) / max(count - 1, 1)
    return np.sqrt(np.maximum(variance, 0)).astype(np.float32)
