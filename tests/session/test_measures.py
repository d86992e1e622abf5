"""Lengths, angles and areas are independent of the pixel size; HU come from the picture."""

import numpy as np
import pytest

from marview.session.measurement import Kind, Measure, rows, words
from marview.session.measures import Measures
from marview.session.picture import Picture

ANISOTROPIC = Picture(np.arange(40 * 60, dtype=np.int16).reshape(40, 60), (0.5, 1.25))


@pytest.mark.parametrize(("dx", "dy"), [(3.0, 4.0), (-6.0, 8.0), (0.0, 7.3)])
def test_lengths_are_in_mm(dx: float, dy: float) -> None:
    ruler = Measure(1, Kind.LENGTH, 0, ((1.0, -2.0), (1.0 + dx, -2.0 + dy)))
    assert ruler.length_mm == pytest.approx(np.hypot(dx, dy), abs=1e-9)


@pytest.mark.parametrize("degrees", [10.0, 45.0, 90.0, 135.0, 180.0])
def test_angles_do_not_depend_on_the_pixels(degrees: float) -> None:
    turned = np.radians(degrees)
    angle = Measure(1, Kind.ANGLE, 0, ((5.0, 0.0), (0.0, 0.0), (7 * np.cos(turned), 7 * np.sin(turned))))
    assert angle.angle_deg == pytest.approx(degrees, abs=1e-6)


def test_areas_are_in_mm2_on_anisotropic_pixels() -> None:
    fine = Picture(np.zeros((800, 600), np.int16), (0.05, 0.1))
    box = ((-12.0, -9.0), (12.0, 9.0))
    assert Measure(1, Kind.RECTANGLE, 0, box).statistics(fine).area_mm2 == pytest.approx(24 * 18, rel=0.01)
    assert Measure(1, Kind.ELLIPSE, 0, box).statistics(fine).area_mm2 == pytest.approx(np.pi * 12 * 9, rel=0.01)
    triangle = ((-10.0, -5.0), (10.0, -5.0), (-10.0, 15.0))
    assert Measure(1, Kind.REGION, 0, triangle).statistics(fine).area_mm2 == pytest.approx(200, rel=0.01)


def test_statistics_use_the_pixels_whose_middle_lies_inside() -> None:
    height, width = ANISOTROPIC.size_mm
    corner = (-width / 2, -height / 2)
    box = Measure(1, Kind.RECTANGLE, 0, (corner, (corner[0] + 2.5, corner[1] + 1.0)))
    found = box.statistics(ANISOTROPIC)
    assert found.pixels == 4
    assert (found.lowest_hu, found.highest_hu, found.mean_hu) == (0, 61, 30.5)


def test_a_region_beside_the_picture_holds_no_pixel() -> None:
    away = Measure(1, Kind.ELLIPSE, 0, ((500.0, 500.0), (510.0, 510.0)))
    assert away.statistics(ANISOTROPIC) is None
    assert words(away, ANISOTROPIC) == "no pixel"
    assert words(Measure(1, Kind.PROBE, 0, ((500.0, 0.0),)), ANISOTROPIC) == "outside"


def test_each_picture_has_a_line_with_its_change() -> None:
    other = Picture(ANISOTROPIC.values + np.int16(7), ANISOTROPIC.pixel_mm)
    box = Measure(3, Kind.RECTANGLE, 0, ((-5.0, -5.0), (5.0, 5.0)))
    first, second = rows(box, 12, {"Original": ANISOTROPIC, "1 Method": other})
    assert (first["change_hu"], second["change_hu"]) == (0.0, 7.0)
    assert (second["name"], second["slice"], second["image"]) == ("Rectangle 3", 12, "1 Method")


def test_numbers_are_not_used_again_while_they_are_listed() -> None:
    measures = Measures(lambda _measure: {})
    measures.turn_to("a")
    first = measures.add(Kind.PROBE, 0, [(0.0, 0.0)])
    second = measures.add(Kind.PROBE, 0, [(1.0, 0.0)])
    measures.remove(first)
    assert measures.add(Kind.PROBE, 0, [(2.0, 0.0)]).number == second.number + 1
    measures.turn_to("b")
    assert measures.listed == ()
    assert measures.unsaved == 2
