"""Solids for anatomy and implants, described by their signed distance functions.

Coordinates are (x, y, z) in mm. The distance is negative inside a solid; for ellipsoids it is an estimate that is exact
on the surface. Solids are immutable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]
Point = tuple[float, float, float]
Bounds = tuple[NDArray[np.float64], NDArray[np.float64]]


class Solid(Protocol):
    """A solid body."""

    @property
    def bounds(self) -> Bounds:
        """Minimum and maximum corners of the bounding box, in mm."""

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Return the signed distance in mm at coordinates that broadcast against each other."""


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid, rotated in the x, y plane.

    Attributes:
        middle: centre, mm.
        radii: radii along the ellipsoid's own x, y and z, mm.
        turn_rad: rotation from x towards y.
    """

    middle: Point
    radii: Point
    turn_rad: float = 0.0

    @property
    def bounds(self) -> Bounds:
        """Minimum and maximum corners of the bounding box, in mm."""
        widest = max(self.radii[:2])
        reach = np.array([widest, widest, self.radii[2]]) if self.turn_rad else np.array(self.radii)
        return np.array(self.middle) - reach, np.array(self.middle) + reach

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Return a first-order approximation of the signed distance in mm."""
        u, v = _turned(x - self.middle[0], y - self.middle[1], self.turn_rad)
        u, v, w = u / self.radii[0], v / self.radii[1], (z - self.middle[2]) / self.radii[2]
        size = np.sqrt(u**2 + v**2 + w**2)
        slope = np.sqrt((u / self.radii[0]) ** 2 + (v / self.radii[1]) ** 2 + (w / self.radii[2]) ** 2)
        return np.asarray(size * (size - 1) / np.maximum(slope, 1e-6), dtype=np.float32)


def ball(middle: Point, radius: float) -> Ellipsoid:
    """Return a ball; its centre and radius are in mm."""
    return Ellipsoid(middle, (radius, radius, radius))


@dataclass(frozen=True)
class Rod:
    """A round rod between two points with a linearly changing radius and round or flat ends.

    Attributes:
        start: one end of the axis, mm.
        end: other end of the axis, mm.
        start_radius: radius at the start, mm.
        end_radius: radius at the end, mm; None for a constant radius.
        is_flat: whether both ends are flat.
    """

    start: Point
    end: Point
    start_radius: float
    end_radius: float | None = None
    is_flat: bool = False

    @property
    def bounds(self) -> Bounds:
        """Minimum and maximum corners of the bounding box, in mm."""
        widest = max(self.start_radius, self.end_radius or 0.0)
        ends = np.array([self.start, self.end])
        return ends.min(axis=0) - widest, ends.max(axis=0) + widest

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Return the signed distance in mm; a first-order approximation where the rod tapers."""
        axis = np.subtract(self.end, self.start)
        length = float(np.linalg.norm(axis))
        axis = axis / length
        dx, dy, dz = x - self.start[0], y - self.start[1], z - self.start[2]
        along = dx * axis[0] + dy * axis[1] + dz * axis[2]
        held = np.clip(along, 0, length)
        end_radius = self.start_radius if self.end_radius is None else self.end_radius
        radius = self.start_radius + (end_radius - self.start_radius) * held / length
        if not self.is_flat:
            away = np.sqrt((dx - held * axis[0]) ** 2 + (dy - held * axis[1]) ** 2 + (dz - held * axis[2]) ** 2)
            return np.asarray(away - radius, dtype=np.float32)
        across = np.sqrt(np.maximum(dx**2 + dy**2 + dz**2 - along**2, 0)) - radius
        beyond = np.abs(along - length / 2) - length / 2
        return _corner(across, beyond)


@dataclass(frozen=True)
class Block:
    """A box with its own axes and rounded edges.

    Attributes:
        middle: centre, mm.
        half: half lengths of the edges along its axes, mm.
        axes: three orthogonal unit vectors; None for x, y and z.
        rounding: radius of the edges, mm.
    """

    middle: Point
    half: Point
    axes: tuple[Point, Point, Point] | None = None
    rounding: float = 0.0

    @cached_property
    def _rows(self) -> NDArray[np.float64]:
        return np.eye(3) if self.axes is None else np.array(self.axes)

    @property
    def bounds(self) -> Bounds:
        """Minimum and maximum corners of the bounding box, in mm."""
        reach = np.abs(self._rows).T @ np.array(self.half)
        return np.array(self.middle) - reach, np.array(self.middle) + reach

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Return the signed distance, mm."""
        offset = (x - self.middle[0], y - self.middle[1], z - self.middle[2])
        beyond = [
            np.abs(row[0] * offset[0] + row[1] * offset[1] + row[2] * offset[2]) - (half - self.rounding)
            for row, half in zip(self._rows, self.half, strict=True)
        ]
        outside = np.sqrt(sum(np.maximum(one, 0) ** 2 for one in beyond))
        inside = np.minimum(np.maximum(np.maximum(beyond[0], beyond[1]), beyond[2]), 0)
        return np.asarray(outside + inside - self.rounding, dtype=np.float32)


@dataclass(frozen=True)
class Column:
    """A column along z whose cross section is a superellipse.

    Attributes:
        middle: centre, mm.
        radii: radii along the column's own x and y, mm.
        height: height, mm.
        exponent: exponent of the superellipse; 2 for an ellipse, larger for a rounded rectangle.
        turn_rad: rotation from x towards y.
    """

    middle: Point
    radii: tuple[float, float]
    height: float
    exponent: float = 2.0
    turn_rad: float = 0.0

    @property
    def bounds(self) -> Bounds:
        """Minimum and maximum corners of the bounding box, in mm."""
        widest = max(self.radii) * 2 ** (0.5 - 1 / max(self.exponent, 2.0))
        reach = np.array([widest, widest, self.height / 2])
        return np.array(self.middle) - reach, np.array(self.middle) + reach

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Return the signed distance in mm, measured radially in the x, y plane."""
        u, v = _turned(x - self.middle[0], y - self.middle[1], self.turn_rad)
        power = self.exponent
        size = (np.abs(u / self.radii[0]) ** power + np.abs(v / self.radii[1]) ** power) ** (1 / power)
        size = np.maximum(size, 1e-3)
        across = np.where(size > 1e-2, np.sqrt(u**2 + v**2) * (1 - 1 / size), -min(self.radii))
        return _corner(across, np.abs(z - self.middle[2]) - self.height / 2)


@dataclass(frozen=True)
class Wire:
    """A round wire through given points.

    Attributes:
        points: at least two points of the axis, mm.
        radius: radius, mm.
    """

    points: tuple[Point, ...]
    radius: float

    @cached_property
    def parts(self) -> tuple[Solid, ...]:
        """Straight segments of the wire."""
        pairs = zip(self.points[:-1], self.points[1:], strict=True)
        return tuple(Rod(start, end, self.radius) for start, end in pairs)

    @property
    def bounds(self) -> Bounds:
        """Minimum and maximum corners of the bounding box, in mm."""
        return Union(self.parts).bounds

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Return the signed distance, mm."""
        return Union(self.parts).distance(x, y, z)


@dataclass(frozen=True)
class Union:
    """The union of several solids."""

    parts: tuple[Solid, ...]

    @property
    def bounds(self) -> Bounds:
        """Minimum and maximum corners of the bounding box, in mm."""
        lows, highs = zip(*(part.bounds for part in self.parts), strict=True)
        return np.min(lows, axis=0), np.max(highs, axis=0)

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Return the signed distance, mm."""
        nearest = self.parts[0].distance(x, y, z)
        for part in self.parts[1:]:
            nearest = np.minimum(nearest, part.distance(x, y, z))
        return nearest


@dataclass(frozen=True)
class Mirrored:
    """Mirror image of a solid, with left and right exchanged.

    Attributes:
        solid: original solid.
    """

    solid: Solid

    @property
    def bounds(self) -> Bounds:
        """Minimum and maximum corners of the bounding box, in mm."""
        low, high = self.solid.bounds
        return np.array([-high[0], low[1], low[2]]), np.array([-low[0], high[1], high[2]])

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Return the signed distance, mm."""
        return self.solid.distance(-x, y, z)


def both_sides(solid: Solid) -> Union:
    """Return the union of a solid and its mirror image on the other side of the body."""
    return Union((solid, *(Mirrored(part) for part in pieces(solid))))


def pieces(solid: Solid) -> tuple[Solid, ...]:
    """Return the basic solids in a union or wire, recursively; for other solids, return the solid itself."""
    if not isinstance(solid, Union | Wire):
        return (solid,)
    return tuple(piece for part in solid.parts for piece in pieces(part))


@dataclass(frozen=True)
class Without:
    """Difference of solids: a solid with other solids cut out of it."""

    whole: Solid
    removed: tuple[Solid, ...]

    @property
    def bounds(self) -> Bounds:
        """Minimum and maximum corners of the bounding box, in mm."""
        return self.whole.bounds

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Return the signed distance, mm."""
        distance = self.whole.distance(x, y, z)
        for part in self.removed:
            distance = np.maximum(distance, -part.distance(x, y, z))
        return distance


@dataclass(frozen=True)
class Common:
    """The intersection of several solids."""

    parts: tuple[Solid, ...]

    @property
    def bounds(self) -> Bounds:
        """Minimum and maximum corners of the bounding box, in mm."""
        lows, highs = zip(*(part.bounds for part in self.parts), strict=True)
        return np.max(lows, axis=0), np.min(highs, axis=0)

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Return the signed distance, mm."""
        farthest = self.parts[0].distance(x, y, z)
        for part in self.parts[1:]:
            farthest = np.maximum(farthest, part.distance(x, y, z))
        return farthest


def point(place: ArrayLike) -> Point:
    """Convert three numbers to a point."""
    x, y, z = np.asarray(place, dtype=np.float64)
    return float(x), float(y), float(z)


def smooth_curve(points: Sequence[Point], count: int = 8) -> tuple[Point, ...]:
    """Return points on the Catmull-Rom curve through the given points, `count` per segment."""
    given = np.array(points, dtype=float)
    padded = np.vstack([2 * given[0] - given[1], given, 2 * given[-1] - given[-2]])
    curve = []
    for before, start, end, after in zip(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True):
        t = np.linspace(0, 1, count, endpoint=False)[:, None]
        curve.append(
            0.5
            * (
                2 * start
                + (end - before) * t
                + (2 * before - 5 * start + 4 * end - after) * t**2
                + (3 * start - before - 3 * end + after) * t**3
            )
        )
    return tuple(point(place) for place in np.vstack([*curve, given[-1:]]))


def _turned(x: Array, y: Array, turn_rad: float) -> tuple[Array, Array]:
    if not turn_rad:
        return x, y
    cosine, sine = np.float32(np.cos(turn_rad)), np.float32(np.sin(turn_rad))
    return cosine * x + sine * y, cosine * y - sine * x


def _corner(across: Array, beyond: Array) -> Array:
    """Return the signed distance to the intersection of two half spaces at right angles."""
    inside = np.minimum(np.maximum(across, beyond), 0)
    return np.asarray(inside + np.sqrt(np.maximum(across, 0) ** 2 + np.maximum(beyond, 0) ** 2), dtype=np.float32)
