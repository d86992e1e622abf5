import pytest

from marview.commands.slices import parse_slices
from marview.errors import UsageError
from marview.geometry import SliceNumbers

UP, DOWN = SliceNumbers(98, is_head_last=True), SliceNumbers(98)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", range(98)),
        ("12-20", range(11, 20)),
        ("7", range(6, 7)),
        ("-5", range(5)),
        ("90-", range(89, 98)),
        (" 98 ", range(97, 98)),
    ],
)
def test_slices_are_counted_as_in_the_window_with_both_ends(text: str, expected: range) -> None:
    assert parse_slices(text, DOWN) == expected
    assert sorted(UP.number(z) for z in parse_slices(text, UP)) == [z + 1 for z in expected]


@pytest.mark.parametrize("text", ["a-b", "9-3", "0-4", "90-99", "1-2-3", "nan", "-", "7:33", "1,2", "1.5"])
def test_refuses_what_names_no_slices_of_the_series(text: str) -> None:
    with pytest.raises(UsageError, match="--slices"):
        parse_slices(text, DOWN)


def test_a_range_that_runs_backwards_is_turned_in_the_message() -> None:
    with pytest.raises(UsageError, match=r"--slices 9-3 runs backwards\. Write 3-9\."):
        parse_slices("9-3", DOWN)
