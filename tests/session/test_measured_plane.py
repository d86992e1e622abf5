"""Lengths, angles and areas in sections are correct in the patient on any grid; HU come from the file."""

import itertools

import numpy as np
import pytest

from marview.geometry import Grid
from marview.session.crosshair import Crosshair
from marview.session.display import View
from marview.session.measured_plane import MeasuredPlane
from marview.session.measurement import Kind, Measure, place_words
from marview.volume.across import Slab, oblique_section, section_through

SHAPE = (30, 40, 50)


def anisotropic() -> Grid:
    return Grid.from_spacing(SHAPE, (3.0, 0.7, 1.1))


def tilted(degrees: float = 17.0) -> Grid:
    """Slices of a tilted gantry, shifted against each other along y."""
    affine = anisotropic().affine.copy()
    affine[1, 0] = 3.0 * np.tan(np.radians(degrees))
    return Grid(SHAPE, affine)


def oblique() -> Grid:
    """A grid rotated against the patient about all axes."""
    turn = np.eye(3)
    for a, b, degrees in ((0, 1, 20.0), (1, 2, -35.0), (0, 2, 12.0)):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        step = np.eye(3)
        step[a, a], step[b, b], step[a, b], step[b, a] = c, c, -s, s
        turn = step @ turn
    affine = anisotropic().affine.copy()
    affine[:3, :3] = turn @ affine[:3, :3]
    affine[:3, 3] = (11.0, -7.0, 90.0)
    return Grid(SHAPE, affine)


def orientation(signs: tuple[int, int, int]) -> Grid:
    affine = anisotropic().affine.copy()
    affine[:3, :3] = np.diag(signs) @ affine[:3, :3]
    return Grid(SHAPE, affine)


GRIDS = {"anisotropic": anisotropic(), "tilted": tilted(), "oblique": oblique()} | {
    f"orientation {signs}": orientation(signs) for signs in itertools.product((1, -1), repeat=3)
}


def planes(grid: Grid) -> dict[str, MeasuredPlane]:
    view = View()
    view.update(slice_count=SHAPE[0], slice_index=14, cursor_mm=(2.0, 1.0), oblique_deg=(25.0, 30.0))
    crosshair = Crosshair(view, lambda: grid)
    return {name: MeasuredPlane(crosshair.section(name)) for name in ("coronal", "sagittal", "oblique")}


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
@pytest.mark.parametrize("pane", ["coronal", "sagittal", "oblique", "slice"])
def test_lengths_and_angles_are_those_of_the_patient(grid: Grid, pane: str) -> None:
    plane = None if pane == "slice" else planes(grid)[pane]
    points = ((-3.0, 4.0), (5.0, -2.0), (7.5, 6.0))
    line = Measure(1, Kind.LENGTH, 14, points[:2], plane)
    start, end = line.to_lps(grid)
    assert line.length_mm == pytest.approx(float(np.linalg.norm(end - start)), abs=0.1)
    angle = Measure(2, Kind.ANGLE, 14, points, plane)
    first, corner, second = angle.to_lps(grid)
    arms = [first - corner, second - corner]
    cosine = arms[0] @ arms[1] / np.linalg.norm(arms[0]) / np.linalg.norm(arms[1])
    assert angle.angle_deg == pytest.approx(float(np.degrees(np.arccos(cosine))), abs=0.1)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())
@pytest.mark.parametrize("pane", ["coronal", "sagittal", "oblique", "slice"])
def test_areas_are_those_of_the_patient(grid: Grid, pane: str) -> None:
    plane = None if pane == "slice" else planes(grid)[pane]
    triangle = Measure(1, Kind.REGION, 14, ((0.0, 0.0), (8.0, 1.0), (2.0, 9.0)), plane)
    a, b, c = triangle.to_lps(grid)
    assert triangle.area_mm2 == pytest.approx(float(np.linalg.norm(np.cross(b - a, c - a)) / 2), abs=0.1)
    box = Measure(2, Kind.RECTANGLE, 14, ((-4.0, -3.0), (6.0, 2.0)), plane)
    assert box.area_mm2 == pytest.approx(50.0)
    ellipse = Measure(3, Kind.ELLIPSE, 14, ((-4.0, -3.0), (6.0, 2.0)), plane)
    assert ellipse.area_mm2 == pytest.approx(np.pi * 5.0 * 2.5)


@pytest.mark.parametrize("pane", ["coronal", "sagittal"])
def test_a_probe_in_a_section_reads_the_voxel_of_the_file(pane: str) -> None:
    grid = anisotropic()
    hu = np.random.default_rng(1).integers(-1000, 3000, SHAPE).astype(np.int16)
    plane = planes(grid)[pane]
    probe = Measure(1, Kind.PROBE, 14, ((3.3, -4.4),), plane)
    z, y, x = np.rint(grid.to_index(probe.to_lps(grid)[0])).astype(int)
    assert plane.picture(hu).value_at(*probe.points[0]) == hu[z, y, x]


def test_a_measurement_is_seen_in_its_own_plane_only_and_moves_with_the_crosshair() -> None:
    grid = anisotropic()
    here = MeasuredPlane(section_through(grid, 1, grid.to_patient((14, 20, 25))))
    same = MeasuredPlane(section_through(grid, 1, grid.to_patient((3, 20, 40))))
    assert here.shift_to(same) == pytest.approx((0.0, 0.0))
    assert here.shift_to(MeasuredPlane(section_through(grid, 1, grid.to_patient((14, 21, 25))))) is None
    assert here.shift_to(MeasuredPlane(section_through(grid, 2, grid.to_patient((14, 20, 25))))) is None
    assert here.shift_to(MeasuredPlane(here.section, Slab.MIP, 10.0)) is None


def test_within_an_oblique_plane_a_measurement_stays_at_its_place_in_the_patient() -> None:
    grid, view = oblique(), View()
    view.update(slice_count=SHAPE[0], slice_index=14, cursor_mm=(2.0, 1.0), oblique_deg=(25.0, 30.0))
    crosshair = Crosshair(view, lambda: grid)
    first = MeasuredPlane(crosshair.section("oblique"))
    line = Measure(1, Kind.LENGTH, 14, ((-3.0, 4.0), (5.0, -2.0)), first)
    moved = first.section.to_lps(6.0, -5.0)
    section = oblique_section(grid, moved, first.section.normal, -first.section.down, 80.0)
    shift = first.shift_to(MeasuredPlane(section))
    again = [section.to_lps(x + shift[0], y + shift[1]) for x, y in line.points]
    np.testing.assert_allclose(again, line.to_lps(grid), atol=1e-6)


def test_a_measurement_says_where_it_lies() -> None:
    grid = anisotropic()
    plane = MeasuredPlane(section_through(grid, 1, grid.to_patient((14, 20, 25))), Slab.MEAN, 10.0)
    assert place_words(Measure(1, Kind.PROBE, 14, ((0.0, 0.0),), plane), 17) == "Coronal, P 14.0 mm, mean 10 mm"
    assert place_words(Measure(1, Kind.PROBE, 14, ((0.0, 0.0),)), 17) == "slice 17"
