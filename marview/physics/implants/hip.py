"""Create a total hip replacement: cup, head, neck and stem."""

from dataclasses import dataclass

import numpy as np

from marview.physics.implants.part import Implant, Part
from marview.physics.shapes import Common, Point, Rod, Solid, Union, Without, ball


@dataclass(frozen=True)
class HipSizes:
    """Sizes of a hip replacement in mm.

    Attributes:
        cup: outer diameter of the cup.
        cup_wall: thickness of the cup.
        head: diameter of the head.
        neck: diameter of the neck.
        stem: diameter of the stem at its shoulder.
        stem_tip: diameter of the stem at its tip.
    """

    cup: float = 54.0
    cup_wall: float = 3.5
    head: float = 28.0
    neck: float = 12.0
    stem: float = 22.0
    stem_tip: float = 11.0


def cup_opening(side: float) -> Point:
    """Return the direction in which the cup opens: laterally and downwards at 45°, tilted forward by 15°.

    The argument `side` is +1 for the left cup and -1 for the right cup.
    """
    inclination, anteversion = np.radians(45), np.radians(15)
    outward = np.cos(anteversion) * np.sin(inclination)
    return side * float(outward), -float(np.sin(anteversion)), -float(np.cos(anteversion) * np.cos(inclination))


def hemisphere(middle: Point, opening: Point, outer_mm: float, inner_mm: float) -> Solid:
    """Create a hemispherical shell that opens in a given direction; the radii are in mm."""
    behind = np.array(middle) - 200 * np.array(opening)
    half = ball((float(behind[0]), float(behind[1]), float(behind[2])), 200.0)
    return Common((Without(ball(middle, outer_mm), (ball(middle, inner_mm),)), half))


def hip(
    middle: Point,
    shaft_top: Point,
    shaft_bottom: Point,
    *,
    material: str | None = None,
    sizes: HipSizes | None = None,
) -> Implant:
    """Create a hip replacement.

    Args:
        middle: centre of the joint, mm.
        shaft_top: point on the axis of the femur at the height where its neck is cut, lateral to the
            joint, mm.
        shaft_bottom: tip of the stem on the axis of the femur, mm.
        material: material of the whole implant; None for a cobalt-chromium head and titanium alloy for
            the rest.
        sizes: sizes of the parts; None for the usual sizes.
    """
    sizes = sizes or HipSizes()
    side = 1.0 if shaft_top[0] > middle[0] else -1.0
    bulk, bearing = material or "ti6al4v", material or "cocrmo"
    cup = hemisphere(middle, cup_opening(side), sizes.cup / 2, sizes.cup / 2 - sizes.cup_wall)
    stem = Union(
        (
            Rod(middle, shaft_top, sizes.neck / 2, sizes.neck / 2 + 1),
            Rod(shaft_top, shaft_bottom, sizes.stem / 2, sizes.stem_tip / 2),
        )
    )
    parts = (Part(cup, bulk), Part(stem, bulk), Part(ball(middle, sizes.head / 2), bearing))
    return Implant("hip-left" if side > 0 else "hip-right", parts)
