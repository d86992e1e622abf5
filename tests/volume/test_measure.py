"""Measures of regions and lines, in mm and HU."""

import numpy as np
import pytest

from marview.errors import UsageError
from marview.volume.measure import angle_deg, distance_mm, ellipse, profile, region_statistics


def test_region_statistics_are_those_of_the_pixels() -> None:
    hu = np.arange(12, dtype=np.int16).reshape(3, 4)
    region = np.zeros((3, 4), bool)
    region[0, :3] = True
    found = region_statistics(hu, region, (0.5, 2.0))
    assert (found.pixels, found.area_mm2, found.mean_hu, found.deviation_hu) == (3, 3.0, 1.0, 1.0)
    assert (found.lowest_hu, found.highest_hu) == (0, 2)


def test_a_region_needs_pixels() -> None:
    with pytest.raises(UsageError, match="no pixel"):
        region_statistics(np.zeros((2, 2)), np.zeros((2, 2), bool), (1, 1))
    assert np.isnan(
        region_statistics(
            np.zeros((2, 2)), np.eye(2, dtype=bool)[:1].repeat(2, 0) & [[1], [0]] > 0, (1, 1)
        ).deviation_hu
    )


def test_an_ellipse_has_its_area() -> None:
    region = ellipse((100, 120), (50, 60), (20, 30))
    assert region.sum() == pytest.approx(np.pi * 20 * 30, rel=0.01)
    assert region[50, 89]
    assert not region[50, 91]


def test_a_profile_over_a_ramp_is_the_ramp() -> None:
    hu = np.add.outer(3.0 * np.arange(20), 5.0 * np.arange(30))
    line = profile(hu, (2, 3), (12, 27), (1.0, 1.0))
    np.testing.assert_allclose(line.hu, np.linspace(3 * 2 + 5 * 3, 3 * 12 + 5 * 27, len(line.hu)))
    assert line.distance_mm[-1] == pytest.approx(26.0)
    assert len(line.hu) == 49


def test_a_profile_beyond_the_slice_continues_with_the_last_pixel() -> None:
    assert profile(np.full((5, 5), 7.0), (-3, 2), (9, 2), (1, 1)).hu.tolist() == [7.0] * 25


def test_distances_and_angles_know_the_spacing() -> None:
    assert distance_mm((0, 0, 0), (1, 2, 2), (3.0, 3.0, 3.0)) == 9.0
    assert angle_deg((0, 10), (0, 0), (5, 10), (2.0, 1.0)) == pytest.approx(45.0)
    assert angle_deg((0, 1), (0, 0), (0, -1), (1, 1)) == pytest.approx(180.0)
    with pytest.raises(UsageError, match="two arms"):
        angle_deg((0, 0), (0, 0), (0, 1), (1, 1))
