"""The section in which a measurement was drawn: its position and thickness."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from marview.session.picture import Picture
from marview.text import tr, translatable
from marview.volume.across import Section, Slab

SLABS = {Slab.MIP: "MIP", Slab.MINIP: "MinIP", Slab.MEAN: translatable("mean")}
_SAME = 1e-6


@dataclass(frozen=True, eq=False)
class MeasuredPlane:
    """The section in which a measurement was drawn, as it was displayed.

    Attributes:
        section: position and orientation of the section.
        slab: projection that combines parallel sections into one image, such as the maximum.
        slab_mm: thickness of the slab.
    """

    section: Section
    slab: Slab = Slab.NONE
    slab_mm: float = 0.0

    @property
    def title(self) -> str:
        """Return the English name of the section for files, such as "Coronal, P 12.3 mm"."""
        return self._describe(str)

    @property
    def words(self) -> str:
        """Return the name of the section in the user's language."""
        return self._describe(tr)

    def _describe(self, say: Callable[[str], str]) -> str:
        section = self.section
        name = say(section.title) if section.axis is not None else say("Oblique")
        thick = "" if self.slab is Slab.NONE else f", {say(SLABS[self.slab])} {self.slab_mm:g} mm"
        return f"{name}, {section.place}{thick}"

    def shift_to(self, other: "MeasuredPlane") -> tuple[float, float] | None:
        """Return the shift from the coordinates of this plane to the coordinates of another plane.

        The result is None if the two planes are not coplanar, are rotated relative to each other, or
        have different slabs.
        """
        mine, others = self.section, other.section
        is_turned = np.abs(mine.right - others.right).max() > _SAME or np.abs(mine.down - others.down).max() > _SAME
        is_thicker = self.slab is not other.slab or (self.slab is not Slab.NONE and self.slab_mm != other.slab_mm)
        if is_turned or is_thicker:
            return None
        apart = float((mine.centre_lps_mm - others.centre_lps_mm) @ mine.normal)
        return others.to_screen(mine.centre_lps_mm) if abs(apart) < mine.step_mm / 2 else None

    def picture(self, hu: Any) -> Picture:
        """Return the image of the section through a volume.

        `hu` is the volume, HU `[z, y, x]`: an array, or an object that returns blocks of HU when
        indexed.
        """
        return Picture(self.section.picture(hu, self.slab, self.slab_mm), self.section.pixel_mm)
