"""The shadow of metal shows its edge when its HU do not."""

import numpy as np
import pytest

from marview.volume.shadow import shadow_of


def disc(radius: float, size: int = 96, middle: tuple[float, float] = (47.5, 47.5)) -> np.ndarray:
    y, x = np.ogrid[:size, :size]
    return np.hypot(y - middle[0], x - middle[1]) <= radius


def body_with(metal: np.ndarray, metal_hu: int) -> np.ndarray:
    body = disc(44, len(metal))
    return np.where(metal, metal_hu, np.where(body, 40, -1000)).astype(np.int16)


EVERYTHING = (slice(0, 96), slice(0, 96))


@pytest.mark.parametrize("metal_hu", [6000, 12000, 30000])
def test_the_shadow_of_a_disc_is_the_disc(metal_hu: int) -> None:
    metal = disc(9)
    shadow = shadow_of(body_with(metal, metal_hu), metal, (0.8, 0.8))
    inside = shadow.holds(*EVERYTHING, share=0.5)
    assert inside[disc(8)].all()
    assert not inside[~disc(10.5)].any()


def test_a_mask_that_misses_the_rim_does_not_hide_it() -> None:
    metal = disc(9)
    shadow = shadow_of(body_with(metal, 20000), disc(6), (0.8, 0.8))
    assert shadow.holds(*EVERYTHING, share=0.5)[disc(8)].all()


def test_a_part_of_the_slice_gets_the_answer_of_the_whole() -> None:
    metal = disc(6, middle=(30, 60))
    shadow = shadow_of(body_with(metal, 20000), metal, (0.8, 0.8))
    rows, columns = slice(20, 50), slice(45, 80)
    np.testing.assert_array_equal(shadow.holds(rows, columns, 0.6), shadow.holds(*EVERYTHING, 0.6)[rows, columns])


def test_light_depends_on_lengths_in_mm_along_both_axes() -> None:
    metal = disc(9)
    image = body_with(metal, 3000)
    square, tall = shadow_of(image, metal, (0.5, 0.5)), shadow_of(image, metal, (1.0, 0.5))
    across, down = 0, 30  # rays along y, and along x
    np.testing.assert_allclose(1 - tall.lost[across], (1 - square.lost[across]) ** 2, rtol=1e-3)
    np.testing.assert_allclose(tall.lost[down], square.lost[down], atol=1e-5)


def test_metal_in_the_corner_of_a_slice_has_a_shadow() -> None:
    metal = disc(9, middle=(2, 2))
    image = np.where(metal, 20000, 40).astype(np.int16)
    assert shadow_of(image, metal, (0.8, 0.8)).holds(slice(0, 8), slice(0, 8), 0.5)[2:6, 2:6].all()


def test_a_slice_full_of_metal_has_no_shadow_to_measure() -> None:
    metal = np.ones((32, 32), bool)
    shadow = shadow_of(np.full((32, 32), 20000, np.int16), metal, (0.8, 0.8))
    assert np.isfinite(shadow.lost).all()
