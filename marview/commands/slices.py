"""Parse the value of `--slices`, which uses the slice numbers shown in the window."""

import re

from marview.errors import UsageError
from marview.geometry import SliceNumbers

_RANGE = re.compile(r"(\d*)(-?)(\d*)")


def parse_slices(text: str, numbers: SliceNumbers) -> range:
    """Return the indices of the slices given as "A-B" (both included), "A-", "-B" or "A".

    Raises:
        UsageError: the text has a different form, or the slices do not exist in the series.

    Examples:
        >>> parse_slices("12-20", SliceNumbers(98))
        range(11, 20)
        >>> parse_slices("12-20", SliceNumbers(98, is_head_last=True))
        range(78, 87)
    """
    count = numbers.count
    if not text.strip():
        return range(count)
    found = _RANGE.fullmatch(text.strip())
    if found is None or not (found[1] or found[3]):
        raise UsageError(
            f"--slices takes slice numbers as the window counts them, such as 12-20, 12- or 12, not '{text}'."
        )
    first = int(found[1] or 1)
    last = int(found[3] or count) if found[2] else first
    if first > last:
        raise UsageError(f"--slices {text} runs backwards. Write {last}-{first}.")
    if not 1 <= first <= last <= count:
        raise UsageError(
            f"--slices {text} is out of range: the series has slices 1 to {count}; slice 1 is at the head end."
        )
    return numbers.span(first, last)
