"""Create metal shapes with random outlines, as in the AAPM CT-MAR challenge."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.physics.implants.part import Implant, Part
from marview.physics.shapes import Array, Bounds, Point

_ROUNDS = 7
_ROUGHNESS = 0.67


@dataclass(frozen=True, eq=False)
class Outline:
    """Column along z with an outline that is defined by its radius in each direction.

    Attributes:
        middle: centre, mm.
        radii_mm: distance of the outline from the centre, `[direction]`, evenly spaced from x towards y.
        height_mm: height along z.
    """

    middle: Point
    radii_mm: NDArray[np.float64]
    height_mm: float

    @property
    def bounds(self) -> Bounds:
        """Minimum and maximum corners of the bounding box, in mm."""
        reach = np.array([self.radii_mm.max(), self.radii_mm.max(), self.height_mm / 2])
        return np.array(self.middle) - reach, np.array(self.middle) + reach

    def distance(self, x: Array, y: Array, z: Array) -> Array:
        """Return the signed distance in mm, measured radially in the x, y plane."""
        u, v = x - self.middle[0], y - self.middle[1]
        count = len(self.radii_mm)
        direction = np.arctan2(v, u) / (2 * np.pi) * count
        radius = np.interp(direction % count, np.arange(count + 1), np.append(self.radii_mm, self.radii_mm[0]))
        across = np.sqrt(u**2 + v**2) - radius
        return np.asarray(np.maximum(across, np.abs(z - self.middle[2]) - self.height_mm / 2), dtype=np.float32)


def blob(middle: Point, diameter_mm: float, *, height_mm: float = 12.0, seed: int = 0, material: str = "ti") -> Implant:
    """Create a random shape by repeatedly splitting the edges of a hexagon and smoothing the outline.

    At each split, the midpoint of an edge moves by up to 0.67 times half the edge length. The outline is
    then smoothed by a moving average of random length, and scaled to the area of a disc of `diameter_mm`. The
    algorithm follows Haneda et al., AAPM CT-MAR, Medical Physics 2025, except that vertices move radially,
    which keeps the shape connected.

    Args:
        middle: centre, mm.
        diameter_mm: diameter of a disc with the same area.
        height_mm: height along z.
        seed: seed of the shape.
        material: material of the shape.
    """
    generator = np.random.default_rng(seed)
    radii = np.ones(6)
    for _ in range(_ROUNDS):
        after = np.roll(radii, -1)
        edge = np.hypot(radii - after, 2 * np.pi / len(radii) * (radii + after) / 2)
        moved = (radii + after) / 2 + generator.uniform(-_ROUGHNESS, _ROUGHNESS, len(radii)) * edge / 2
        radii = np.stack([radii, np.maximum(moved, 0.15)], axis=1).ravel()
    width = round(len(radii) * 10 ** generator.uniform(2.15, 2.7) / 3072)
    kernel = np.ones(2 * width + 1) / (2 * width + 1)
    smooth = np.convolve(np.concatenate([radii[-width:], radii, radii[:width]]), kernel, mode="valid")
    area = 0.5 * np.sum(smooth**2) * 2 * np.pi / len(smooth)
    smooth = smooth * (diameter_mm / 2) / np.sqrt(area / np.pi)
    return Implant("blob", (Part(Outline(middle, smooth, height_mm), material),))
