"""A slice has the same number everywhere, and slice 1 is at the head end."""

import numpy as np
import pytest

from marview.errors import UsageError
from marview.geometry import Grid, SliceNumbers


def grid(z_lps: tuple[float, float, float]) -> Grid:
    affine = np.eye(4)
    affine[:3, 0] = z_lps
    rest = [axis for axis in np.eye(3) if abs(axis @ np.asarray(z_lps)) < 0.9]
    affine[:3, 1], affine[:3, 2] = rest[0], rest[1]
    return Grid((98, 4, 5), affine)


def test_the_head_end_is_slice_1_whichever_way_the_array_runs() -> None:
    up, down = grid((0, 0, 3.0)).slice_numbers, grid((0, 0, -3.0)).slice_numbers
    assert (up.number(97), up.number(0)) == (1, 98)
    assert (down.number(0), down.number(97)) == (1, 98)


@pytest.mark.parametrize("direction", [(1.0, 0, 0), (-1.0, 0, 0), (0, 1.0, 0), (0, -1.0, 0)])
def test_sagittal_and_coronal_series_count_in_their_own_order(direction) -> None:
    assert grid(direction).slice_numbers.number(0) == 1


@pytest.mark.parametrize("is_head_last", [False, True])
def test_numbers_and_indices_are_inverse(is_head_last: bool) -> None:
    numbers = SliceNumbers(7, is_head_last)
    assert [numbers.index(numbers.number(z)) for z in range(7)] == list(range(7))
    assert sorted(numbers.number(z) for z in range(7)) == list(range(1, 8))


@pytest.mark.parametrize("is_head_last", [False, True])
@pytest.mark.parametrize("number", [-1, 0, 99, 999])
def test_a_number_that_no_slice_has_is_refused(number: int, is_head_last: bool) -> None:
    numbers = SliceNumbers(98, is_head_last)
    with pytest.raises(UsageError, match=f"no slice {number}: the series has slices 1 to 98"):
        numbers.index(number)
    with pytest.raises(UsageError, match="slices 1 to 98"):
        numbers.span(1, number)


def test_a_span_holds_both_ends() -> None:
    assert list(SliceNumbers(98).span(12, 20)) == list(range(11, 20))
    assert list(SliceNumbers(98, is_head_last=True).span(12, 20)) == list(range(78, 87))


def test_words_count_slices_and_name_the_first_and_the_last() -> None:
    numbers = SliceNumbers(98, is_head_last=True)
    assert numbers.sorted([71, 83, 71]) == [15, 27]
    assert numbers.words([71]) == "slice 27"
    assert numbers.words([83, 82, 71]) == "3 slices (15 to 27)"
