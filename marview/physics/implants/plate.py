"""Create a bone plate with its screws."""

import numpy as np

from marview.physics.implants.part import Implant, Part
from marview.physics.shapes import Block, Point, Rod, Solid, Union, Without, ball, point


def plate(
    middle: Point,
    along: Point,
    inward: Point,
    *,
    holes: int = 5,
    pitch_mm: float = 14.0,
    width_mm: float = 12.0,
    thickness_mm: float = 3.8,
    screw_mm: float = 4.5,
    screw_length_mm: float = 30.0,
    material: str = "316l",
) -> Implant:
    """Create a compression plate.

    Args:
        middle: centre of the surface that touches the bone, mm.
        along: direction of the long axis of the plate.
        inward: direction from the plate into the bone.
        holes: number of holes; every second hole has a screw.
        pitch_mm: distance between neighbouring holes.
        width_mm: width of the plate.
        thickness_mm: thickness of the plate.
        screw_mm: diameter of a screw.
        screw_length_mm: length of a screw from the outer surface of the plate to the tip.
        material: material of the plate and the screws.
    """
    length = np.array(along) / np.linalg.norm(along)
    into = np.array(inward) - np.dot(inward, length) * length
    into = into / np.linalg.norm(into)
    across = np.cross(length, into)
    origin = np.array(middle)
    places = [origin + (index - (holes - 1) / 2) * pitch_mm * length for index in range(holes)]
    bar = Block(
        point(origin - into * thickness_mm / 2),
        (holes * pitch_mm / 2, width_mm / 2, thickness_mm / 2),
        (point(length), point(across), point(into)),
        rounding=min(1.2, thickness_mm / 3),
    )
    drilled = tuple(ball(point(place - into * thickness_mm), screw_mm * 0.72) for place in places[1::2])
    screws: list[Solid] = []
    for place in places[::2]:
        screws.append(
            Rod(point(place - into * thickness_mm), point(place + into * screw_length_mm), screw_mm / 2, screw_mm / 2.6)
        )
        screws.append(ball(point(place - into * thickness_mm), screw_mm * 0.85))
    return Implant("plate", (Part(Without(bar, drilled), material), Part(Union(tuple(screws)), material)))
