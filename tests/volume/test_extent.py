"""The box around the middle of a volume that holds the body in all slices."""

import numpy as np
import pytest

from marview.geometry import Grid
from marview.volume.across import oblique_section
from marview.volume.extent import MARGIN, body_extent_mm, section_extent_mm
from marview.volume.volume import Volume

SPACING_MM = (2.0, 0.5, 0.8)


def volume(hu) -> Volume:
    return Volume(hu.astype(np.int16), Grid.from_spacing(hu.shape, SPACING_MM))


def air(shape=(6, 60, 100)):
    return np.full(shape, -1000)


def test_a_body_in_the_middle_gets_a_margin() -> None:
    hu = air()
    hu[:, 20:40, 30:70] = 40
    extent = body_extent_mm(volume(hu))
    assert extent[0] == 12.0
    assert extent[1] == pytest.approx(20 * 0.5 * (1 + MARGIN), rel=0.12)
    assert extent[2] == pytest.approx(40 * 0.8 * (1 + MARGIN), rel=0.12)


def test_the_box_covers_the_body_in_every_slice_around_the_middle_of_the_volume() -> None:
    hu = air()
    hu[2, 10, 50] = 40  # 19.5 rows above the middle
    hu[4, 30, 95] = 40  # 45.5 columns to the right of it
    _, height, width = body_extent_mm(volume(hu))
    assert height >= 2 * 19.5 * 0.5
    assert width >= 2 * 45.5 * 0.8
    assert height <= 60 * 0.5
    assert width <= 100 * 0.8


def test_large_volumes_are_looked_at_coarsely_but_nothing_is_cut_off() -> None:
    hu = air((4, 700, 700))
    hu[:, 300:400, 101:599] = 40
    _, height, width = body_extent_mm(volume(hu))
    assert height >= 100 * 0.5
    assert width >= 498 * 0.8
    assert width < 560 * 0.8


@pytest.mark.parametrize("value", [-1000, 40])
def test_without_air_or_without_a_body_it_is_the_whole_volume(value) -> None:
    assert body_extent_mm(volume(np.full((6, 60, 100), value))) == (12.0, 30.0, 80.0)


DIRECTIONS = [(0.3, -0.5, 0.8), (0.7, 0.7, 0.1), (-0.2, 0.9, 0.4), (1.0, 0.0, 0.0)]


@pytest.mark.parametrize("normal", DIRECTIONS)
def test_an_oblique_section_is_framed_by_the_box_that_it_cuts(normal) -> None:
    """If the section moves, the frame covers its cut through the box and keeps its size."""
    grid = Grid.from_spacing((30, 60, 50), (3.0, 1.0, 1.5))
    extent = (90.0, 40.0, 50.0)
    axes = grid.affine[:3, :3] / grid.spacing_mm
    middle = grid.to_patient([14.5, 29.5, 24.5])
    sizes = []
    for shift in (-20.0, 0.0, 13.0):
        normal_mm = np.asarray(normal) / np.linalg.norm(normal)
        section = oblique_section(grid, middle + shift * normal_mm, normal_mm, (0.0, 0.0, 1.0), 200.0)
        (x, y), (across, down) = section_extent_mm(section, extent)
        right, below = np.meshgrid(np.linspace(-90, 90, 181), np.linspace(-90, 90, 181))
        points = section.centre_lps_mm + right[..., None] * section.right + below[..., None] * section.down
        inside = (np.abs((points - middle) @ axes) <= np.asarray(extent) / 2).all(axis=-1)
        assert (np.abs(right[inside] - x) <= across / 2 + 1e-6).all()
        assert (np.abs(below[inside] - y) <= down / 2 + 1e-6).all()
        if shift == 0:
            assert np.ptp(right[inside]) > across - 3, "no wider than needed"
            assert np.ptp(below[inside]) > down - 3
        sizes.append((across, down))
    np.testing.assert_allclose(sizes, [sizes[1]] * 3)


def test_a_section_beside_the_box_is_framed_around_the_middle_of_the_volume() -> None:
    grid = Grid.from_spacing((30, 60, 50), (3.0, 1.0, 1.5))
    middle = grid.to_patient([14.5, 29.5, 24.5])
    section = oblique_section(grid, middle + np.array([0, 0, 500.0]), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0), 200.0)
    at, size = section_extent_mm(section, (90.0, 40.0, 50.0))
    np.testing.assert_allclose(at, (0.0, 0.0), atol=1e-9)
    np.testing.assert_allclose(sorted(size), [40.0, 50.0])
