"""Which slices a run corrects."""

import enum
from dataclasses import dataclass

from marview.errors import UsageError
from marview.geometry import SliceNumbers
from marview.session.metal import Metal


class Reach(enum.StrEnum):
    """Which slices are meant."""

    METAL = "metal"
    SLICE = "slice"
    RANGE = "range"
    ALL = "all"


@dataclass(frozen=True)
class RunScope:
    """The slices of a run as they are asked for.

    Attributes:
        reach: which slices are meant.
        first: number of the first slice of a range, as people count.
        last: number of its last slice.
    """

    reach: Reach = Reach.METAL
    first: int = 1
    last: int = 1

    def slices(self, metal: Metal, numbers: SliceNumbers, here: int) -> tuple[int, ...]:
        """Indices of the slices, from the one in view outward.

        Args:
            metal: the mask.
            numbers: the numbers of the slices, as people count.
            here: index of the slice in view.

        Raises:
            UsageError: none of the slices holds metal, so there is nothing to correct.
        """
        outward = metal.outward(here)
        if self.reach is Reach.METAL:
            return outward
        if self.reach is Reach.ALL:
            return tuple(sorted(range(len(metal.counts)), key=lambda z: (abs(z - here), z)))
        if self.reach is Reach.SLICE:
            chosen, said = tuple(z for z in outward if z == here), f"Slice {numbers.number(here)} holds"
        else:
            first, last = sorted((self.first, self.last))
            chosen = tuple(z for z in outward if first <= numbers.number(z) <= last)
            said = f"Slices {first} to {last} hold"
        if not chosen:
            raise UsageError(
                f"{said} no metal, so there is nothing to correct: choose other slices, or mark the metal."
            )
        return chosen

    def words(self, numbers: SliceNumbers, here: int) -> str:
        """The slices in words: "slice 12", "slices 12 to 20"."""
        match self.reach:
            case Reach.SLICE:
                return f"slice {numbers.number(here)}"
            case Reach.RANGE:
                first, last = sorted((self.first, self.last))
                return f"slices {first} to {last}"
            case Reach.ALL:
                return "all slices"
        return "slices with metal"
