import pytest

from marview.commands.slices import parse_slices
from marview.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", range(98)), ("7:33", range(7, 33)), (":5", range(5)), ("90:", range(90, 98)), (":", range(98))],
)
def test_counts_from_the_foot_end_with_the_end_excluded(text: str, expected: range) -> None:
    assert parse_slices(text, 98) == expected


@pytest.mark.parametrize("text", ["7", "a:b", "7:7", "9:3", "-1:4", "0:99", "1:2:3", "nan:"])
def test_refuses_what_is_not_a_range_of_the_series(text: str) -> None:
    with pytest.raises(UsageError, match="--slices"):
        parse_slices(text, 98)
