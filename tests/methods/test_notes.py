"""Notes that hold for many slices appear once."""

from marview.methods.notes import Notes, SliceNote


def hidden(slice_index: int, share: float) -> SliceNote:
    return SliceNote(slice_index, "metal hides {} of the sinogram", ", which is much", share, "{:.0%}")


def test_alike_notes_are_one_sentence_with_their_slices_and_numbers() -> None:
    notes = Notes()
    told = [notes.add(note) for note in (hidden(9, 0.31), "It was re-projected.", hidden(4, 0.27), hidden(7, 0.3))]
    first = "Slice 9: metal hides 31% of the sinogram, which is much."
    second = "2 slices (4 and 9): metal hides 27% to 31% of the sinogram, which is much."
    third = "3 slices (4 to 9): metal hides 27% to 31% of the sinogram, which is much."
    assert told == [(first, ""), ("It was re-projected.", ""), (second, first), (third, second)]
    assert notes.sentences == [
        "It was re-projected.",
        "3 slices (4 to 9): metal hides 27% to 31% of the sinogram, which is much.",
    ]


def test_those_that_differ_in_more_than_slice_and_number_stay_apart() -> None:
    notes = Notes()
    other = SliceNote(4, "metal hides {} of the sinogram", "; look twice", 0.27, "{:.0%}")
    assert notes.add(hidden(4, 0.27))[0] != notes.add(other)[0]
    assert len(notes.sentences) == 2


def test_one_slice_and_one_number_are_written_as_one() -> None:
    notes = Notes()
    assert notes.add("Same.") == ("Same.", "")
    assert notes.add("Same.") == ("", "")
    for _ in range(2):
        notes.add(SliceNote(2, "the metal attenuates little", "; compare"))
    for slice_index in (5, 6):
        notes.add(hidden(slice_index, 0.3))
    assert notes.sentences == [
        "Same.",
        "Slice 2: the metal attenuates little; compare.",
        "2 slices (5 and 6): metal hides 30% of the sinogram, which is much.",
    ]
