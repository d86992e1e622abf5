"""Images, masks, measurements and profiles for the variants of a sweep."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from marview.mar.sweep_plan import Variant
from marview.mar.sweep_result import SweepResult
from marview.session.picture import Picture
from marview.session.sensitivity_marks import Line, Region
from marview.volume.measure import Profile, profile

if TYPE_CHECKING:
    from marview.mar.sweep_measures import Row

ORIGINAL = "original"
"""Name of the variant with the uncorrected slices."""


@dataclass(frozen=True, eq=False)
class Swept:
    """Results of a sweep.

    Attributes:
        result: images and masks of the variants, for the swept slices only.
        rows: measurements of each variant in the soft tissue around metal.
        titles: method titles, keyed by method identifier.
        pixel_mm: pixel spacing along (y, x).
    """

    result: SweepResult
    rows: "tuple[Row, ...]"
    titles: Mapping[str, str]
    pixel_mm: tuple[float, float]

    def title(self, variant: Variant) -> str:
        """Return the title of a variant: its method and label."""
        return f"{self.titles.get(variant.method, variant.method)}  {variant.label}".strip()

    def picture(self, name: str, slice_index: int) -> Picture | None:
        """Return a variant's image of a slice; None if the slice was not swept."""
        if slice_index not in self.result.slices or name not in self.result.hu:
            return None
        return Picture(self.result.hu[name][self.result.slices.index(slice_index)], self.pixel_mm)

    def mask(self, name: str, slice_index: int) -> NDArray[np.bool_] | None:
        """Return a variant's mask in a slice, `[y, x]`; None if the slice was not swept."""
        if slice_index not in self.result.slices or name not in self.result.masks:
            return None
        return np.asarray(self.result.masks[name][self.result.slices.index(slice_index)])

    def any_metal(self, slice_index: int) -> NDArray[np.bool_]:
        """Return the union of all variants' masks in a slice, `[y, x]`.

        All False if the slice was not swept.
        """
        result = self.result
        if slice_index not in result.slices:
            return np.zeros(result.masks[ORIGINAL].shape[1:], bool)
        at = result.slices.index(slice_index)
        return np.asarray(np.any([mask[at] for mask in result.masks.values()], axis=0))

    @property
    def fullest(self) -> int:
        """Return the index of the swept slice with the most metal."""
        return self.result.slices[int(self.result.masks[ORIGINAL].sum(axis=(1, 2)).argmax())]

    def profiles(self, slice_index: int, line: Line) -> dict[str, Profile]:
        """Return the HU profile along a line in each variant; empty if the slice was not swept.

        If the ground truth is available, the key "truth" contains its profile.
        """
        result = self.result
        if slice_index not in result.slices:
            return {}
        at = result.slices.index(slice_index)
        images = {name: hu[at] for name, hu in result.hu.items()}
        if result.truth_hu is not None:
            images["truth"] = result.truth_hu[at]
        original = Picture(images[ORIGINAL], self.pixel_mm)
        start, end = original.place_at(*line.start_mm), original.place_at(*line.end_mm)
        return {name: profile(hu, start, end, self.pixel_mm) for name, hu in images.items()}

    def measured(self, region: Region | None) -> "tuple[Row, ...]":
        """Measure the variants in a region.

        If there is no region, or its slice was not swept, measure them in the soft tissue around metal.
        """
        result = self.result
        if region is None or region.slice_index not in result.slices:
            return self.rows
        from marview.mar.sweep_measures import within

        picture = self.picture(ORIGINAL, region.slice_index)
        assert picture is not None
        pixels = np.zeros(result.masks[ORIGINAL].shape, bool)
        pixels[result.slices.index(region.slice_index)] = region.pixels(picture)
        return within(self.rows, result, pixels)


@dataclass(frozen=True, eq=False)
class KeptSweep:
    """Sweep of a series that is not in view, with its region and line."""

    swept: Swept
    variant: str
    region: Region | None
    line: Line | None


def strongest(spread_hu: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the upper end of the colour scale: a round number above 99.5 % of the values outside a mask."""
    beside = spread_hu[~mask]
    value = float(np.percentile(beside, 99.5)) if beside.size else 0.0
    if value <= 1:
        return 1.0
    step = 10.0 ** math.floor(math.log10(value))
    return next(step * factor for factor in (1, 2, 5, 10) if value <= step * factor)
