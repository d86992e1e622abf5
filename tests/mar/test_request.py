"""The one builder of a request to correct a volume."""

from pathlib import Path

import numpy as np
import pytest

import marview
from marview.geometry import SliceNumbers
from marview.mar import SharedArray, metal_of, reduce_request
from marview.mar.shared import NoRoom

SPACING = (2.0, 1.0, 1.0)
ROOT = Path(marview.__file__).parent


@pytest.fixture
def hu():
    with SharedArray.create((5, 8, 9), np.int16) as shared:
        yield shared


@pytest.fixture
def mask() -> np.ndarray:
    metal = np.zeros((5, 8, 9), np.bool_)
    metal[1, 2:4, 3], metal[3, 5, 6] = True, True
    return metal


def test_only_the_builder_builds_a_request() -> None:
    sources = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in ROOT.rglob("*.py")}
    builders = [name for name, text in sources.items() if "= ReduceRequest(" in text or "return ReduceRequest(" in text]
    assert builders == ["mar/request.py"]


def test_the_request_holds_the_mask_of_all_slices_and_a_plane_for_each_slice_to_correct(hu, mask) -> None:
    request = reduce_request("nmar", hu, metal_of(mask), spacing_mm=SPACING, slices=[3])
    np.testing.assert_array_equal(request.mask.array, mask)
    assert request.correction.array.shape == (1, 8, 9)
    assert request.wanted == (3,)
    request.close()


def test_without_slices_all_are_corrected(hu, mask) -> None:
    request = reduce_request("nmar", hu, metal_of(mask), spacing_mm=SPACING)
    assert request.wanted == (0, 1, 2, 3, 4)
    assert request.correction.array.shape == mask.shape
    request.close()


def test_people_count_from_the_end_that_the_numbers_name(hu, mask) -> None:
    numbers = SliceNumbers(5, is_head_last=True)
    request = reduce_request("nmar", hu, metal_of(mask), spacing_mm=SPACING, numbers=numbers)
    assert request.numbers == numbers
    request.close()


def test_closing_frees_mask_and_correction_and_leaves_the_volume(hu, mask) -> None:
    request = reduce_request("nmar", hu, metal_of(mask), spacing_mm=SPACING)
    places = [Path(each.description["path"]) for each in (request.mask, request.correction, hu)]
    request.close()
    assert [place.exists() for place in places] == [False, False, True]


def test_without_room_for_the_correction_the_mask_is_freed(hu, mask, monkeypatch) -> None:
    made: list[SharedArray] = []
    create = SharedArray.create

    def second_fails(*args: object, **kwargs: object) -> SharedArray:
        if made:
            raise NoRoom("There is no room.")
        made.append(create(*args, **kwargs))
        return made[0]

    monkeypatch.setattr(SharedArray, "create", second_fails)
    with pytest.raises(NoRoom):
        reduce_request("nmar", hu, metal_of(mask), spacing_mm=SPACING)
    assert not Path(made[0].description["path"]).exists()
