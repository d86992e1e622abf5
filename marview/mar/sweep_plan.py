"""List the variants of a sweep: combinations of methods, margins and thresholds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from marview.errors import UsageError


@dataclass(frozen=True)
class Variant:
    """A correction method combined with one mask.

    Attributes:
        method: identifier of the method; empty for the uncorrected slices.
        margin: distance by which the mask grows (positive) or shrinks (negative).
        unit: unit of the margin: "mm" for a margin in 3D, or "px" for pixels within the slice.
        threshold_hu: threshold of the mask in HU; None to use the given mask.
    """

    method: str
    margin: float = 0.0
    unit: Literal["mm", "px"] = "mm"
    threshold_hu: float | None = None

    @property
    def label(self) -> str:
        """Label of the variant without its method, such as `> 2500 HU, +1 mm`.

        >>> Variant("nmar", -0.5).label
        '-0.5 mm'
        """
        if not self.method:
            return "uncorrected"
        margin = f"{self.margin:+g} {self.unit}" if self.margin else f"0 {self.unit}"
        return margin if self.threshold_hu is None else f"> {self.threshold_hu:g} HU, {margin}"

    @property
    def name(self) -> str:
        """Name of the variant in file names, such as `nmar_above_2500_+1mm`.

        >>> Variant("nmar", 1, "mm", 2500).name
        'nmar_above_2500_+1mm'
        """
        if not self.method:
            return "original"
        threshold = "" if self.threshold_hu is None else f"_above_{self.threshold_hu:g}"
        return f"{self.method}{threshold}_{self.margin:+g}{self.unit}"


def plan(
    methods: Sequence[str],
    *,
    margins_mm: Sequence[float] = (),
    margins_px: Sequence[float] = (),
    thresholds_hu: Sequence[float] = (),
) -> tuple[Variant, ...]:
    """Combine every method with every margin and threshold; without thresholds, use the given mask.

    Raises:
        UsageError: no method is given, there is nothing to vary, or a value is not finite.

    Examples:
        >>> [variant.name for variant in plan(["nmar"], margins_mm=[-0.5, 1])]
        ['nmar_-0.5mm', 'nmar_+1mm']
    """
    if not all(math.isfinite(value) for value in (*margins_mm, *margins_px, *thresholds_hu)):
        raise UsageError("Margins and thresholds of a sweep must be finite numbers.")
    margins: list[tuple[float, Literal["mm", "px"]]] = [(value, "mm") for value in margins_mm]
    margins += [(value, "px") for value in margins_px]
    variants = dict.fromkeys(
        Variant(method, margin, unit, threshold)
        for method in methods
        for threshold in (thresholds_hu or (None,))
        for margin, unit in (margins or [(0.0, "mm")])
    )
    if len(variants) < 2:
        raise UsageError("A sweep compares at least two variants: give methods, and margins or thresholds to vary.")
    return tuple(variants)
