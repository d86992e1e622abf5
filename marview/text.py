"""Numbers and lists in sentences."""

from collections.abc import Iterable


def count(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: `1 slice`, `2 slices`; `many` is an irregular plural."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def listing(names: Iterable[str], most: int = 3) -> str:
    """Join names for a sentence; a long list ends with the number of names left out."""
    names = list(names)
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
