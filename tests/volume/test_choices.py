"""k-means, region growing and the list of pieces."""

import numpy as np
import pytest

from marview.errors import UsageError
from marview.volume.components import components
from marview.volume.growing import grow_from, within
from marview.volume.kmeans import class_notes, k_means

SPACING = (2.0, 1.0, 0.5)


def two_pins() -> np.ndarray:
    hu = np.full((6, 30, 30), 40, np.int16)
    hu[:, :, :3] = -1000
    hu[1:5, 10:13, 10:13] = 4000
    hu[1:5, 20:22, 20:22] = 9000
    hu[2, 20, 20] = 9500
    return hu


def test_k_means_puts_metal_in_a_class_of_its_own() -> None:
    hu = two_pins()
    assert k_means(hu, 3).sum() == (hu > 2000).sum()
    assert k_means(hu, 4).sum() == (hu > 5000).sum()


def test_a_densest_class_that_reaches_into_bone_gets_a_note() -> None:
    hu = np.array([[[-1000] * 20 + [0] * 20 + [50] * 20 + [700] * 9 + [900] * 9 + [6000]]], np.int16)
    assert class_notes(hu, k_means(hu, 3), 3) == ()
    (note,) = class_notes(hu[..., :-1], k_means(hu[..., :-1], 3), 3)
    assert "densest of 3 classes starts at 700 HU" in note
    assert class_notes(hu, np.zeros(hu.shape, bool), 3) == ()


def test_k_means_of_slices_looks_at_each_slice() -> None:
    hu = two_pins()
    hu[0] = 40
    hu[0, 5, 5] = 900
    per_slice = k_means(hu, 2, in_slices=True)
    assert per_slice[0].sum() == 1
    assert not k_means(hu, 2)[0].any()


def test_k_means_of_a_flat_volume_finds_nothing() -> None:
    assert not k_means(np.zeros((1, 4, 4), np.int16), 3).any()


def test_no_other_threshold_leaves_less_deviation() -> None:
    hu = np.random.default_rng(0).integers(-200, 800, (1, 8, 40)).astype(np.int16)
    found = k_means(hu, 2)
    inside = sum(float(np.var(part)) * part.size for part in (hu[found], hu[~found]))
    for threshold in range(-199, 800, 7):
        upper = hu >= threshold
        if upper.any() and not upper.all():
            assert inside <= sum(float(np.var(part)) * part.size for part in (hu[upper], hu[~upper])) + 1e-6


@pytest.mark.parametrize("k", [1, 13])
def test_k_out_of_range_is_refused(k: int) -> None:
    with pytest.raises(UsageError, match="2 to 12"):
        k_means(two_pins(), k)


def test_growing_takes_the_piece_at_the_seed() -> None:
    hu = two_pins()
    grown = grow_from(hu, (2, 11, 11))
    assert grown.sum() == 4 * 9
    assert grow_from(hu, (2, 11, 11), in_slice=True).sum() == 9
    box = (slice(0, 3), slice(0, 30), slice(0, 30))
    assert grow_from(hu, (2, 11, 11), box=box).sum() == 2 * 9
    np.testing.assert_array_equal(within(grown, box), grow_from(hu, (2, 11, 11), box=box))


def test_growing_reaches_down_to_half_the_height_or_what_is_asked() -> None:
    hu = two_pins()
    hu[2, 11, 13], hu[2, 11, 14] = 2100, 1900
    assert grow_from(hu, (2, 11, 11)).sum() == 4 * 9 + 1
    assert grow_from(hu, (2, 11, 11), 1800).sum() == 4 * 9 + 2


@pytest.mark.parametrize(
    ("seed", "sentence"), [((2, 5, 5), "40 HU"), ((2, 11, 40), "outside"), ((-1, 11, 11), "outside")]
)
def test_a_seed_that_is_not_metal_is_refused(seed: tuple[int, int, int], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        grow_from(two_pins(), seed)


def test_a_seed_outside_the_box_is_refused() -> None:
    with pytest.raises(UsageError, match="outside"):
        grow_from(two_pins(), (2, 11, 11), box=(slice(0, 6), slice(15, 30), slice(0, 30)))


def test_pieces_are_listed_largest_first_with_what_they_are() -> None:
    hu = two_pins()
    found = components(hu > 2000, hu, SPACING)
    first, second = found.pieces
    assert (first.number, first.voxels, first.volume_mm3, first.mean_hu) == (1, 36, 36.0, 4000)
    assert second.highest_hu == 9500
    assert second.densest_zyx == (2, 20, 20)
    assert second.box == (slice(1, 5), slice(20, 22), slice(20, 22))
    assert second.mean_hu == pytest.approx(9000 + 500 / 16)


def test_pieces_are_switched_on_and_off_and_found_at_a_point() -> None:
    hu = two_pins()
    mask = hu > 2000
    found = components(mask, hu, SPACING)
    np.testing.assert_array_equal(found.mask(), mask)
    np.testing.assert_array_equal(found.mask([2]), hu > 5000)
    assert not found.mask([]).any()
    assert found.at((3, 11, 11)) == found.pieces[0]
    assert found.at((3, 15, 15)) is None
    assert found.at((0, 0, 0)) is None


def test_an_empty_mask_has_no_pieces() -> None:
    hu = two_pins()
    found = components(np.zeros(hu.shape, bool), hu, SPACING)
    assert found.pieces == ()
    assert not found.mask().any()
    assert found.at((0, 0, 0)) is None
