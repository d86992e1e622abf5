"""A measurement in a slice or section: a length, angle, region, point or profile."""

import enum
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from marview.errors import UsageError
from marview.geometry import Grid
from marview.session.measured_plane import MeasuredPlane
from marview.session.picture import Picture
from marview.session.tools import Tool
from marview.text import tr, translatable
from marview.volume.measure import Profile, RegionStatistics, angle_deg, profile, region_statistics

Point = tuple[float, float]
"""(x, y) in mm, to the right and down from the centre of the slice or section."""


class Kind(enum.StrEnum):
    """Kind of a measurement."""

    PROBE = "probe"
    LENGTH = "length"
    ANGLE = "angle"
    PROFILE = "profile"
    ELLIPSE = "ellipse"
    RECTANGLE = "rectangle"
    REGION = "region"


OF_TOOL = {
    Tool.PROBE: Kind.PROBE,
    Tool.RULER: Kind.LENGTH,
    Tool.ANGLE: Kind.ANGLE,
    Tool.PROFILE: Kind.PROFILE,
    Tool.ELLIPSE: Kind.ELLIPSE,
    Tool.RECTANGLE: Kind.RECTANGLE,
    Tool.REGION: Kind.REGION,
}
REGIONS = frozenset({Kind.ELLIPSE, Kind.RECTANGLE, Kind.REGION})
TITLES = {
    Kind.PROBE: translatable("Probe"),
    Kind.LENGTH: translatable("Length"),
    Kind.ANGLE: translatable("Angle"),
    Kind.PROFILE: translatable("Profile"),
    Kind.ELLIPSE: translatable("Ellipse"),
    Kind.RECTANGLE: translatable("Rectangle"),
    Kind.REGION: translatable("Region"),
}
FEWEST = {Kind.PROBE: 1, Kind.ANGLE: 3, Kind.REGION: 3}
"""Number of points of a complete measurement; two for kinds not listed."""


@dataclass(frozen=True)
class Measure:
    """Measurement in a slice or section.

    Attributes:
        number: unique number, from 1.
        kind: kind of the measurement.
        slice_index: index of the slice; for a section, the slice that was in view when the measurement
            was drawn.
        points: for a probe, the point; for a line, both ends; for an angle, a point on the first arm,
            the vertex and a point on the second arm; for an ellipse or rectangle, two opposite corners
            of its bounding box; for a freehand region, the points of the outline.
        plane: section in which the measurement was drawn; None if it was drawn in a slice.
    """

    number: int
    kind: Kind
    slice_index: int
    points: tuple[Point, ...]
    plane: MeasuredPlane | None = None

    @property
    def is_whole(self) -> bool:
        """Return whether the measurement has all its points."""
        return len(self.points) >= FEWEST.get(self.kind, 2)

    @property
    def name(self) -> str:
        """Return the name used in files, such as "Ellipse 3"."""
        return f"{self.kind.value.capitalize()} {self.number}"

    @property
    def title(self) -> str:
        """Return the name shown in lists, in the user's language."""
        return f"{tr(TITLES[self.kind])} {self.number}"

    @property
    def length_mm(self) -> float:
        """Return the length of a line."""
        return math.dist(self.points[0], self.points[1])

    @property
    def angle_deg(self) -> float:
        """Return the angle at the vertex, 0 to 180 degrees; NaN if another point lies on the vertex."""
        try:
            return angle_deg(self.points[0], self.points[1], self.points[2], (1.0, 1.0))
        except UsageError:
            return math.nan

    @property
    def area_mm2(self) -> float:
        """Return the geometric area of a drawn region in mm², independent of the pixel grid."""
        if self.kind is Kind.REGION:
            x, y = np.array(self.points).T
            return float(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2)
        (x0, y0), (x1, y1) = self.points[:2]
        box = abs((x1 - x0) * (y1 - y0))
        return math.pi / 4 * box if self.kind is Kind.ELLIPSE else box

    def to_lps(self, grid: Grid) -> NDArray[np.float64]:
        """Return the points in patient coordinates, LPS in mm, `[point, 3]`; `grid` is the grid of the series."""
        if self.plane is not None:
            return np.array([self.plane.section.to_lps(x, y) for x, y in self.points])
        _, rows, columns = grid.shape
        picture = Picture(np.broadcast_to(np.int16(0), (rows, columns)), grid.spacing_mm[1:])
        return np.array([grid.to_patient((self.slice_index, *picture.place_at(*point))) for point in self.points])

    def pixels(self, picture: Picture) -> NDArray[np.bool_]:
        """Return a mask of the pixels that have their centres in the region, bool `[y, x]`."""
        rows, columns = picture.values.shape
        if self.kind is Kind.REGION:
            outline = [picture.place_at(*point) for point in self.points]
            return np.asarray(polygon2mask((rows, columns), np.array(outline)))  # type: ignore[no-untyped-call]
        (y0, x0), (y1, x1) = (picture.place_at(*point) for point in self.points[:2])
        middle, reach = ((y0 + y1) / 2, (x0 + x1) / 2), (abs(y1 - y0) / 2, abs(x1 - x0) / 2)
        y, x = np.ogrid[:rows, :columns]
        if self.kind is Kind.RECTANGLE:
            return np.asarray((abs(y - middle[0]) <= reach[0]) & (abs(x - middle[1]) <= reach[1]))
        if min(reach) <= 0:
            return np.zeros((rows, columns), bool)
        return np.asarray(((y - middle[0]) / reach[0]) ** 2 + ((x - middle[1]) / reach[1]) ** 2 <= 1)

    def statistics(self, picture: Picture) -> RegionStatistics | None:
        """Return the HU statistics of the region in an image; None if the region contains no pixel."""
        inside = self.pixels(picture)
        return region_statistics(picture.values, inside, picture.pixel_mm) if inside.any() else None

    def profile(self, picture: Picture) -> Profile:
        """Return the HU profile along the line in an image."""
        start, end = (picture.place_at(*point) for point in self.points[:2])
        return profile(picture.values, start, end, picture.pixel_mm)


def words(measure: Measure, picture: Picture, original: Picture | None = None) -> str:
    """Describe the values of a measurement in an image, with their change from `original` if given."""
    if measure.kind in {Kind.LENGTH, Kind.PROFILE}:
        return f"{measure.length_mm:.1f} mm"
    if measure.kind is Kind.ANGLE:
        return f"{measure.angle_deg:.1f}°"
    if measure.kind is Kind.PROBE:
        value = picture.value_at(*measure.points[0])
        before = None if original is None else original.value_at(*measure.points[0])
        return tr("outside") if value is None else f"{value:.0f} HU{_change(value, before)}"
    found = measure.statistics(picture)
    if found is None:
        return tr("no pixel")
    first = None if original is None else measure.statistics(original)
    change = _change(found.mean_hu, None if first is None else first.mean_hu)
    mean = tr("mean {:.1f} HU").format(found.mean_hu)
    spread = tr("SD {:.1f}   {:.0f} to {:.0f}").format(found.deviation_hu, found.lowest_hu, found.highest_hu)
    return f"{mean}{change}\n{spread}\n{measure.area_mm2:.1f} mm²   {found.pixels} px"


def place_words(measure: Measure, slice_number: int) -> str:
    """Describe where a measurement is: "slice 12", or the name and position of its section."""
    return tr("slice {}").format(slice_number) if measure.plane is None else measure.plane.words


def rows(measure: Measure, slice_number: int, pictures: dict[str, Picture]) -> list[dict[str, object]]:
    """Return one table row for each compared image, starting with the original."""
    made: list[dict[str, object]] = []
    first: float | None = None
    for title, picture in pictures.items():
        region = measure.statistics(picture) if measure.kind in REGIONS else None
        probe = picture.value_at(*measure.points[0]) if measure.kind is Kind.PROBE else None
        mean = probe if region is None else region.mean_hu
        first = mean if first is None else first
        is_line = measure.kind in {Kind.LENGTH, Kind.PROFILE}
        made.append(
            {
                "name": measure.name,
                "kind": measure.kind.value,
                "slice": slice_number if measure.plane is None else "",
                "plane": "slice" if measure.plane is None else measure.plane.title,
                "image": title,
                "length_mm": round(measure.length_mm, 3) if is_line else "",
                "angle_deg": round(measure.angle_deg, 3) if measure.kind is Kind.ANGLE else "",
                "mean_hu": "" if mean is None else round(mean, 3),
                "change_hu": "" if mean is None or first is None else round(mean - first, 3),
                "sd_hu": "" if region is None else round(region.deviation_hu, 3),
                "min_hu": "" if region is None else region.lowest_hu,
                "max_hu": "" if region is None else region.highest_hu,
                "area_mm2": "" if region is None else round(measure.area_mm2, 3),
                "pixels": "" if region is None else region.pixels,
            }
        )
    return made


def _change(value: float, before: float | None) -> str:
    return "" if before is None else f" ({value - before:+.1f})"
