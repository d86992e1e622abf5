"""Which slices `--slices A:B` means."""

from marview.errors import UsageError


def parse_slices(text: str, count: int) -> range:
    """The slices of `A:B`, counted from 0 at the foot end, B excluded; either may be left out.

    Raises:
        UsageError: not of that form, or beyond the series' `count` slices.

    Example:
        >>> parse_slices("7:", 98)
        range(7, 98)
    """
    if not text:
        return range(count)
    first, colon, end = text.partition(":")
    try:
        start, stop = int(first or 0), int(end or count)
    except ValueError:
        colon = ""
    if not colon:
        raise UsageError(f"--slices takes A:B, two slice numbers such as 7:33, not '{text}'.")
    if not 0 <= start < stop <= count:
        raise UsageError(
            f"--slices {text} asks for slices beyond the series, which has {count}: 0:{count} is all of it."
        )
    return range(start, stop)
