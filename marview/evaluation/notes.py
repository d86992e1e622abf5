"""Collect a method's notes on all cases of a benchmark, without duplicates."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from marview.methods.notes import SliceNote

Noted = str | SliceNote


@dataclass(frozen=True)
class CountedNote:
    """A note and the number of cases in which it occurs.

    Attributes:
        sentence: text of the note.
        cases: number of cases with the note.
    """

    sentence: str
    cases: int


def count_notes(of_cases: Sequence[Sequence[Noted]]) -> tuple[CountedNote, ...]:
    """Count the cases for each note, merging notes that differ only in slice and value.

    Notes on whole cases come first.

    Args:
        of_cases: notes of each case.

    Examples:
        >>> dark = SliceNote(7, "metal hides {} of the sinogram", ", which is much", 0.3, "{:.0%}")
        >>> count_notes([[dark], []])
        (CountedNote(sentence='1 slice: metal hides 30% of the sinogram, which is much.', cases=1),)
    """
    plain: dict[str, set[int]] = {}
    of_slices: dict[tuple[str, str, str], list[tuple[int, SliceNote]]] = {}
    for number, notes in enumerate(of_cases):
        for note in notes:
            if isinstance(note, SliceNote):
                of_slices.setdefault((note.found, note.meaning, note.form), []).append((number, note))
            elif note:
                plain.setdefault(note, set()).add(number)
    return (
        *(CountedNote(sentence, len(cases)) for sentence, cases in plain.items()),
        *(CountedNote(_sentence(alike), len({case for case, _ in alike})) for alike in of_slices.values()),
    )


def _sentence(alike: Sequence[tuple[int, SliceNote]]) -> str:
    """Count the slices, because slice numbers of different cases have no common meaning."""
    one = alike[0][1]
    slices = len({(case, note.slice_index) for case, note in alike})
    values = [note.value for _, note in alike]
    ends = dict.fromkeys(one.form.format(end) for end in (min(values), max(values)))
    return f"{slices} {'slice' if slices == 1 else 'slices'}: {one.found.format(' to '.join(ends))}{one.meaning}."


def notes_as_json(notes: Sequence[Noted]) -> list[str | dict[str, Any]]:
    """Convert notes to JSON values: plain notes to strings, `SliceNote` objects to their fields."""
    return [asdict(note) if isinstance(note, SliceNote) else note for note in notes]


def notes_from_json(values: Sequence[str | dict[str, Any]]) -> tuple[Noted, ...]:
    """Convert JSON values from `notes_as_json` back to notes."""
    return tuple(value if isinstance(value, str) else SliceNote(**value) for value in values)
