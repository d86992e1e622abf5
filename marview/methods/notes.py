"""Notes for readers of a result; notes with the same finding in several slices become one sentence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from marview.text import translatable


@dataclass(frozen=True)
class SliceNote:
    """Note on a single slice: a finding, and what it means for the reader.

    Attributes:
        slice_index: index of the slice in its volume.
        found: finding, with {} in place of a number, if there is one, such as "metal hides {} of the
            sinogram".
        meaning: rest of the sentence, including its punctuation, such as "; check its result with care".
        value: number that replaces {}.
        form: format of the number, for `str.format`.
        made_by: short name of the method that was used for the slice instead of the chosen method, such as
            "NMAR"; empty if the chosen method was used.

    Examples:
        >>> print(SliceNote(7, "metal hides {} of the sinogram", ", which is much", 0.3, "{:.0%}"))
        Slice 7: metal hides 30% of the sinogram, which is much.
    """

    slice_index: int
    found: str
    meaning: str
    value: float = 0.0
    form: str = "{}"
    made_by: str = ""

    def __str__(self) -> str:
        return _sentence([self], int)


class Notes:
    """Notes of a run, combined into sentences.

    Args:
        number: function that converts a slice index to the slice number shown to users.
    """

    def __init__(self, number: Callable[[int], int] = int) -> None:
        self._number = number
        self._plain: dict[str, None] = {}
        self._of_slices: dict[tuple[str, str, str], list[SliceNote]] = {}

    def add(self, note: str | SliceNote) -> tuple[str, str]:
        """Add a note; return the sentence to show now, and the earlier sentence that it replaces."""
        if isinstance(note, SliceNote):
            alike = self._of_slices.setdefault((note.found, note.meaning, note.form), [])
            before = _sentence(alike, self._number) if alike else ""
            alike.append(note)
            return _sentence(alike, self._number), before
        is_known = note in self._plain
        self._plain[note] = None
        return ("", "") if is_known else (note, "")

    @property
    def sentences(self) -> list[str]:
        """Return all notes as sentences, those about the whole run first."""
        return [*filter(None, self._plain), *(_sentence(alike, self._number) for alike in self._of_slices.values())]


def _sentence(alike: Sequence[SliceNote], number: Callable[[int], int]) -> str:
    """Combine notes that differ only in slice and value into one sentence."""
    one = alike[0]
    slices = sorted({number(note.slice_index) for note in alike})
    first, last = slices[0], slices[-1]
    if len(slices) == 1:
        where = translatable(f"Slice {first}")
    elif len(slices) == 2:
        where = translatable(f"{len(slices)} slices ({first} and {last})")
    else:
        where = translatable(f"{len(slices)} slices ({first} to {last})")
    ends = (one.form.format(end(note.value for note in alike)) for end in (min, max))
    return f"{where}: {one.found.format(' to '.join(dict.fromkeys(ends)))}{one.meaning}."
