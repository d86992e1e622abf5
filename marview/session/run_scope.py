"""Select the slices that a run corrects."""

import enum
from dataclasses import dataclass

from marview.errors import UsageError
from marview.geometry import SliceNumbers
from marview.session.metal import Metal
from marview.text import tr


class Reach(enum.StrEnum):
    """Mode of slice selection."""

    METAL = "metal"
    SLICE = "slice"
    RANGE = "range"
    ALL = "all"


@dataclass(frozen=True)
class RunScope:
    """Selection of slices for a run.

    Attributes:
        reach: mode of selection.
        first: number of the first slice of a range, as shown to the user.
        last: number of the last slice of a range, as shown to the user.
    """

    reach: Reach = Reach.METAL
    first: int = 1
    last: int = 1

    def slices(self, metal: Metal, numbers: SliceNumbers, here: int) -> tuple[int, ...]:
        """Return the indices of the slices, ordered by distance from the slice in view.

        Args:
            metal: mask of the series in view.
            numbers: slice numbers as shown to the user.
            here: index of the slice in view.

        Raises:
            UsageError: the selected slice, or the whole selected range, contains no metal.
        """
        outward = metal.outward(here)
        if self.reach is Reach.METAL:
            return outward
        if self.reach is Reach.ALL:
            return tuple(sorted(range(len(metal.counts)), key=lambda z: (abs(z - here), z)))
        if self.reach is Reach.SLICE:
            chosen = tuple(z for z in outward if z == here)
            said = tr("Slice {} contains no metal, so there is nothing to correct").format(numbers.number(here))
        else:
            first, last = sorted((self.first, self.last))
            chosen = tuple(z for z in outward if first <= numbers.number(z) <= last)
            said = tr("Slices {} to {} contain no metal, so there is nothing to correct").format(first, last)
        if not chosen:
            raise UsageError(tr("{}: choose other slices, or mark the metal.").format(said))
        return chosen

    def words(self, numbers: SliceNumbers, here: int) -> str:
        """Describe the selection, for example "slice 12" or "slices 12 to 20"."""
        match self.reach:
            case Reach.SLICE:
                return tr("slice {}").format(numbers.number(here))
            case Reach.RANGE:
                first, last = sorted((self.first, self.last))
                return tr("slices {} to {}").format(first, last)
            case Reach.ALL:
                return tr("all slices")
        return tr("slices with metal")
