"""A section that is measured in: where it lies, and how thick it is."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marview.session.picture import Picture
from marview.volume.across import Section, Slab

SLABS = {Slab.MIP: "MIP", Slab.MINIP: "MinIP", Slab.MEAN: "mean"}
_SAME = 1e-6


@dataclass(frozen=True, eq=False)
class MeasuredPlane:
    """A section as it was shown when something was measured in it.

    Attributes:
        section: its place and directions.
        slab: how several parallel sections became one picture.
        slab_mm: their thickness.
    """

    section: Section
    slab: Slab = Slab.NONE
    slab_mm: float = 0.0

    @property
    def title(self) -> str:
        """What it is called in lists and tables: "Coronal, P 12.3 mm"."""
        section = self.section
        name = section.title if section.axis is not None else "Oblique"
        thick = "" if self.slab is Slab.NONE else f", {SLABS[self.slab]} {self.slab_mm:g} mm"
        return f"{name}, {section.place}{thick}"

    def shift_to(self, other: "MeasuredPlane") -> tuple[float, float] | None:
        """What is added to points of this plane to get points of another; None where the planes are not the same."""
        mine, others = self.section, other.section
        is_turned = np.abs(mine.right - others.right).max() > _SAME or np.abs(mine.down - others.down).max() > _SAME
        is_thicker = self.slab is not other.slab or (self.slab is not Slab.NONE and self.slab_mm != other.slab_mm)
        if is_turned or is_thicker:
            return None
        apart = float((mine.centre_lps_mm - others.centre_lps_mm) @ mine.normal)
        return others.to_screen(mine.centre_lps_mm) if abs(apart) < mine.step_mm / 2 else None

    def picture(self, hu: Any) -> Picture:
        """The picture that is measured, of HU `[z, y, x]` or anything that gives blocks of them."""
        return Picture(self.section.picture(hu, self.slab, self.slab_mm), self.section.pixel_mm)
