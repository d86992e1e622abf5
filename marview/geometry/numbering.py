"""Slice numbers as shown to users: from 1, starting at the head end."""

from collections.abc import Iterable
from dataclasses import dataclass

from marview.errors import UsageError
from marview.text import tr


@dataclass(frozen=True)
class SliceNumbers:
    """Conversion of array indices to slice numbers and back.

    The window, notes, tables and command line use slice numbers; arrays and files keep their own order.

    Attributes:
        count: number of slices.
        is_head_last: whether the array runs from feet to head, so that its last slice is slice 1.

    Examples:
        >>> numbers = SliceNumbers(98, is_head_last=True)
        >>> numbers.number(97), numbers.index(98), numbers.words([83, 82, 71])
        (1, 0, '3 slices (15 to 27)')
    """

    count: int = 0
    is_head_last: bool = False

    def number(self, index: int) -> int:
        """Return the slice number of an index."""
        return self.count - index if self.is_head_last else index + 1

    def index(self, number: int) -> int:
        """Return the index of a slice number.

        Raises:
            UsageError: the series has no slice with this number.
        """
        if not 1 <= number <= self.count:
            raise UsageError(f"There is no slice {number}: the series has slices 1 to {self.count}.")
        return self.count - number if self.is_head_last else number - 1

    def span(self, first: int, last: int) -> range:
        """Return the indices of the slices `first` to `last`, both included, in array order.

        Raises:
            UsageError: the series has no slice with one of these numbers.
        """
        ends = sorted((self.index(first), self.index(last)))
        return range(ends[0], ends[1] + 1)

    def sorted(self, indices: Iterable[int]) -> list[int]:
        """Return the slice numbers of these indices, without duplicates, in ascending order."""
        return sorted({self.number(int(index)) for index in indices})

    def words(self, indices: Iterable[int]) -> str:
        """Describe the slices at these indices: "slice 7", "2 slices (15 and 18)" or "13 slices (15 to 27)"."""
        known = self.sorted(indices)
        if len(known) == 1:
            return tr("slice {}").format(known[0])
        if len(known) == 2:
            return tr("{} slices ({} and {})").format(len(known), known[0], known[-1])
        return tr("{} slices ({} to {})").format(len(known), known[0], known[-1])
