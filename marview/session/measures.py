"""What a person measures: lengths, angles, regions, points and profiles, kept with their series."""

import enum
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal
from skimage.draw import polygon2mask

from marview.errors import UsageError
from marview.session.picture import Picture
from marview.session.tools import Tool
from marview.volume.measure import Profile, RegionStatistics, angle_deg, profile, region_statistics

Point = tuple[float, float]
"""(x, y) in mm from the middle of the slice."""


class Kind(enum.StrEnum):
    """What is measured."""

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
FEWEST = {Kind.PROBE: 1, Kind.ANGLE: 3, Kind.REGION: 3}
"""Points that make a measurement whole; two where not named."""


@dataclass(frozen=True)
class Measure:
    """One measurement in one slice.

    Attributes:
        number: tells it apart, from 1.
        kind: what is measured.
        slice_index: where.
        points: a probe's point; the ends of a line; first arm, corner and second arm of an angle; two opposite corners
            of the box around an ellipse or rectangle; the outline of a region drawn freehand.
    """

    number: int
    kind: Kind
    slice_index: int
    points: tuple[Point, ...]

    @property
    def is_whole(self) -> bool:
        """Whether it has all its points."""
        return len(self.points) >= FEWEST.get(self.kind, 2)

    @property
    def name(self) -> str:
        """What it is called in lists: "Ellipse 3"."""
        return f"{self.kind.value.capitalize()} {self.number}"

    @property
    def length_mm(self) -> float:
        """Length of a line."""
        return math.dist(self.points[0], self.points[1])

    @property
    def angle_deg(self) -> float:
        """Angle at the corner, 0 to 180 degrees; NaN while a point lies on the corner."""
        try:
            return angle_deg(self.points[0], self.points[1], self.points[2], (1.0, 1.0))
        except UsageError:
            return math.nan

    def pixels(self, picture: Picture) -> NDArray[np.bool_]:
        """The pixels of a region in a picture of its slice, bool `[y, x]`: those whose middle lies in it."""
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
        """HU of a region in a picture; None where it holds no pixel."""
        inside = self.pixels(picture)
        return region_statistics(picture.values, inside, picture.pixel_mm) if inside.any() else None

    def profile(self, picture: Picture) -> Profile:
        """HU along a line in a picture."""
        start, end = (picture.place_at(*point) for point in self.points[:2])
        return profile(picture.values, start, end, picture.pixel_mm)


class Measures:
    """Keeps the measurements by series.

    Event, on the window's thread: `changed()` when those of the series in view are others.

    Args:
        pictures: gives, for a slice, the pictures that are compared by their titles, the original first.
    """

    changed = Signal()

    def __init__(self, pictures: Callable[[int], dict[str, Picture]]) -> None:
        self.pictures = pictures
        self._by_series: dict[str, list[Measure]] = {}
        self._saved: dict[str, tuple[Measure, ...]] = {}
        self._series = ""

    def turn_to(self, series: str) -> None:
        """Make those of another series the ones in view."""
        self._series = series
        self.changed.emit()

    @property
    def listed(self) -> tuple[Measure, ...]:
        """Those of the series in view, the oldest first."""
        return tuple(self._by_series.get(self._series, ()))

    @property
    def unsaved(self) -> int:
        """How many, of all series, no file holds."""
        return sum(map(self.unsaved_of, self._by_series))

    def of_slice(self, slice_index: int) -> list[Measure]:
        """Those in a slice of the series in view."""
        return [one for one in self.listed if one.slice_index == slice_index]

    def add(self, kind: Kind, slice_index: int, points: Sequence[Point]) -> Measure:
        """Keep another one."""
        known = self._by_series.setdefault(self._series, [])
        made = Measure(max((one.number for one in known), default=0) + 1, kind, slice_index, tuple(points))
        known.append(made)
        self.changed.emit()
        return made

    def move(self, measure: Measure, points: Sequence[Point]) -> Measure:
        """Give one other points."""
        moved = replace(measure, points=tuple(points))
        known = self._by_series.get(self._series, [])
        known[:] = [moved if one.number == measure.number else one for one in known]
        self.changed.emit()
        return moved

    def remove(self, measure: Measure | None = None) -> None:
        """Remove one, by default the last."""
        known = self._by_series.get(self._series, [])
        gone = measure or (known[-1] if known else None)
        if gone is not None:
            known[:] = [one for one in known if one.number != gone.number]
            self.changed.emit()

    def unsaved_of(self, series: str) -> int:
        """How many of a series no file holds."""
        return sum(one not in self._saved.get(series, ()) for one in self._by_series.get(series, ()))

    def drop(self, series: str) -> None:
        """Forget those of a series."""
        self._by_series.pop(series, None)
        self._saved.pop(series, None)
        self.changed.emit()

    def mark_saved(self) -> None:
        """Note that a file holds those of the series in view."""
        self._saved[self._series] = self.listed


def words(measure: Measure, picture: Picture, original: Picture | None = None) -> str:
    """What is measured in a picture, in a few lines; with the change from the original where one is given."""
    if measure.kind in {Kind.LENGTH, Kind.PROFILE}:
        return f"{measure.length_mm:.1f} mm"
    if measure.kind is Kind.ANGLE:
        return f"{measure.angle_deg:.1f}°"
    if measure.kind is Kind.PROBE:
        value = picture.value_at(*measure.points[0])
        before = None if original is None else original.value_at(*measure.points[0])
        return "outside" if value is None else f"{value:.0f} HU{_change(value, before)}"
    found = measure.statistics(picture)
    if found is None:
        return "no pixel"
    first = None if original is None else measure.statistics(original)
    change = _change(found.mean_hu, None if first is None else first.mean_hu)
    spread = f"SD {found.deviation_hu:.1f}   {found.lowest_hu:.0f} to {found.highest_hu:.0f}"
    return f"mean {found.mean_hu:.1f} HU{change}\n{spread}\n{found.area_mm2:.1f} mm²   {found.pixels} px"


def rows(measure: Measure, slice_number: int, pictures: dict[str, Picture]) -> list[dict[str, object]]:
    """The lines of a table: one for each picture that is compared, the first being the original."""
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
                "slice": slice_number,
                "image": title,
                "length_mm": round(measure.length_mm, 3) if is_line else "",
                "angle_deg": round(measure.angle_deg, 3) if measure.kind is Kind.ANGLE else "",
                "mean_hu": "" if mean is None else round(mean, 3),
                "change_hu": "" if mean is None or first is None else round(mean - first, 3),
                "sd_hu": "" if region is None else round(region.deviation_hu, 3),
                "min_hu": "" if region is None else region.lowest_hu,
                "max_hu": "" if region is None else region.highest_hu,
                "area_mm2": "" if region is None else round(region.area_mm2, 3),
                "pixels": "" if region is None else region.pixels,
            }
        )
    return made


def _change(value: float, before: float | None) -> str:
    return "" if before is None else f" ({value - before:+.1f})"
