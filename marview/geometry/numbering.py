"""The numbers of slices as people count them: from 1, the head end first."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class SliceNumbers:
    """Turns indices of an array into slice numbers, and back.

    The window, notes, tables and the command line use these numbers. Arrays and files keep their own order.

    Attributes:
        count: number of slices.
        is_head_last: whether the array runs from the feet to the head, so that its last slice is slice 1.

    Example:
        >>> numbers = SliceNumbers(98, is_head_last=True)
        >>> numbers.number(97), numbers.index(98), numbers.words([83, 82, 71])
        (1, 0, '3 slices (15 to 27)')
    """

    count: int = 0
    is_head_last: bool = False

    def number(self, index: int) -> int:
        """The number of the slice at an index."""
        return self.count - index if self.is_head_last else index + 1

    def index(self, number: int) -> int:
        """The index of the slice of a number."""
        return self.count - number if self.is_head_last else number - 1

    def span(self, first: int, last: int) -> range:
        """The indices of the slices `first` to `last`, both included, in the order of the array."""
        ends = sorted((self.index(first), self.index(last)))
        return range(ends[0], ends[1] + 1)

    def sorted(self, indices: Iterable[int]) -> list[int]:
        """The numbers of the slices at these indices, each once, in order."""
        return sorted({self.number(int(index)) for index in indices})

    def words(self, indices: Iterable[int]) -> str:
        """The slices at these indices in words: "slice 7", or "13 slices (15 to 27)"."""
        known = self.sorted(indices)
        return f"slice {known[0]}" if len(known) == 1 else f"{len(known)} slices ({known[0]} to {known[-1]})"
