"""On a clipped scale a network finds the edge of clipped metal; rules remove the blur of other metal."""

import numpy as np
import pytest
from scipy import ndimage

from marview.volume import clipped_edge
from marview.volume.clipped_edge import with_clipped_edges, with_edges_of_rules

SPACING = (0.8, 0.8)


def blurred(metal: np.ndarray, metal_hu: float, blur_px: float = 1.0) -> np.ndarray:
    """Metal in tissue, as a scanner shows it, clipped at 3071 HU."""
    return np.minimum(ndimage.gaussian_filter(np.where(metal, metal_hu, 40.0), blur_px), 3071).astype(np.int16)


def with_streaks(image: np.ndarray) -> np.ndarray:
    """The image with bright and dark streaks beside its metal."""
    streaks = np.where(np.arange(len(image)) % 8 < 4, -900, 900)[:, None]
    return np.where(image == 3071, image, np.clip(image + streaks, -1024, 3000)).astype(np.int16)


def disc(radius: float) -> np.ndarray:
    return np.asarray(np.hypot(*np.ogrid[-40:40, -40:40]) <= radius)


@pytest.mark.parametrize(("radius", "metal_hu"), [(15, 12000), (8, 25000), (5, 25000)])
def test_blurred_metal_comes_closer_to_its_true_size(radius: float, metal_hu: float) -> None:
    metal = disc(radius)
    image = with_streaks(blurred(metal, metal_hu))
    found = blurred(metal, metal_hu) > 1500
    kept = with_clipped_edges(found, image, SPACING, 3071)
    assert np.count_nonzero(kept ^ metal) < np.count_nonzero(found ^ metal)


def test_thin_metal_stays_as_it_was_found() -> None:
    image = blurred(disc(1), 12000, 0.7)
    found = image > 2000
    assert found.any()
    np.testing.assert_array_equal(with_clipped_edges(found, image, SPACING, 3071), found)


def test_metal_with_a_sharp_edge_stays_as_it_was_found() -> None:
    metal = disc(9)
    image = np.where(metal, 3071, 40).astype(np.int16)
    np.testing.assert_array_equal(with_clipped_edges(metal, image, SPACING, 3071), metal)


def test_thin_metal_beside_thick_metal_stays_as_it_was_found() -> None:
    thin = np.roll(disc(1), 25, axis=1)
    image = blurred(disc(9) | thin, 12000)
    found = image > 2000
    beside = np.roll(disc(6), 25, axis=1)
    np.testing.assert_array_equal(with_clipped_edges(found, image, SPACING, 3071)[beside], found[beside])


def test_metal_that_is_hardly_clipped_keeps_the_edge_of_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipped_edge, "recognised", lambda *_: pytest.fail("the network was used"))
    image = blurred(disc(8), 3000)
    image[40, 38:42] = 3071
    assert with_clipped_edges(image > 1500, image, SPACING, 3071).any()


def recognise(metal: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the network recognise this metal."""
    monkeypatch.setattr(clipped_edge, "recognised", lambda *_: metal)


@pytest.mark.parametrize("radius", [15, 5])
def test_a_slice_keeps_its_metal_although_the_network_recognises_none(
    radius: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognise(np.zeros((80, 80), bool), monkeypatch)
    image = with_streaks(blurred(disc(radius), 12000))
    kept = with_clipped_edges(image > 2000, image, SPACING, 3071)
    assert np.count_nonzero(kept & disc(radius)) > 0.8 * np.count_nonzero(disc(radius))


def test_a_small_piece_beside_metal_may_be_a_streak(monkeypatch: pytest.MonkeyPatch) -> None:
    metal, streak = disc(15), np.roll(disc(4), 28, axis=1)
    recognise(metal, monkeypatch)
    image = with_streaks(blurred(metal | streak, 12000))
    kept = with_clipped_edges(image > 2000, image, SPACING, 3071)
    assert not (kept & streak).any()
    assert (kept & metal).any()


@pytest.mark.parametrize(("fraction", "is_kept"), [(0.2, True), (0.05, False)])
def test_the_rules_decide_if_the_network_leaves_hardly_any_metal_of_a_large_piece(
    fraction: float, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = with_streaks(blurred(disc(15), 12000))
    found = image > 2000
    by_rules = with_edges_of_rules(found, image, SPACING, 3071)
    left = disc(float(np.sqrt(fraction * np.count_nonzero(by_rules) / np.pi)))
    recognise(left, monkeypatch)
    kept = with_clipped_edges(found, image, SPACING, 3071)
    np.testing.assert_array_equal(kept, left if is_kept else by_rules)


def test_the_network_decides_about_metal_of_medium_size_without_streaks(monkeypatch: pytest.MonkeyPatch) -> None:
    recognise(disc(5), monkeypatch)
    image = blurred(disc(7), 12000)
    assert 80 < np.count_nonzero(image > 2000) * SPACING[0] * SPACING[1] < 150
    np.testing.assert_array_equal(with_clipped_edges(image > 2000, image, SPACING, 3071), disc(5))


def test_small_holes_in_metal_are_filled_and_large_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    metal, hole, tooth = disc(15), np.roll(disc(1.5), 7, axis=1), np.roll(disc(8), -5, axis=1)
    recognise(metal & ~hole & ~tooth, monkeypatch)
    image = with_streaks(blurred(metal, 12000))
    kept = with_clipped_edges(image > 2000, image, SPACING, 3071)
    assert kept[hole].all()
    assert not kept[tooth].any()


def test_a_hole_that_is_not_clipped_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    hole = np.roll(disc(1.5), 7, axis=1)
    recognise(disc(15) & ~hole, monkeypatch)
    image = with_streaks(blurred(disc(15), 12000))
    image[hole] = 2900
    kept = with_clipped_edges(disc(15), image, SPACING, 3071)
    assert kept[disc(15) & ~hole].all()
    assert not kept[hole].any()


@pytest.mark.parametrize("metal_hu", [4000, 6000, 12000])
def test_small_titanium_without_streaks_keeps_the_edge_of_the_rules(
    metal_hu: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clipped_edge, "recognised", lambda *_: pytest.fail("the network was used"))
    image = blurred(disc(5), metal_hu)
    kept = with_clipped_edges(image > 2000, image, SPACING, 3071)
    assert np.count_nonzero(kept & disc(5)) > 0.6 * np.count_nonzero(disc(5))


@pytest.mark.parametrize("metal_hu", [6000, 8000])
def test_a_light_disc_without_streaks_hardly_shrinks(metal_hu: float) -> None:
    metal = disc(9)
    image = blurred(metal, metal_hu)
    found = image > 2000
    kept = with_clipped_edges(found, image, SPACING, 3071)
    assert np.count_nonzero(kept & metal) > 0.9 * np.count_nonzero(metal)
    assert np.count_nonzero(kept ^ metal) < np.count_nonzero(found ^ metal)


def test_a_slice_without_metal_stays_empty() -> None:
    assert not with_clipped_edges(np.zeros((16, 16), bool), np.zeros((16, 16), np.int16), SPACING, 3071).any()


@pytest.mark.parametrize(("spacing", "highest_hu"), [((0.8, 1.6), 3071), ((2.0, 2.0), 3071), (SPACING, 4095)])
def test_the_network_is_not_used_where_it_was_not_trained(
    spacing: tuple[float, float], highest_hu: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clipped_edge, "recognised", lambda *_: pytest.fail("the network was used"))
    image = np.where(disc(15), highest_hu, blurred(disc(15), 12000)).astype(np.int16)
    assert with_clipped_edges(image > 2000, image, spacing, highest_hu).any()
