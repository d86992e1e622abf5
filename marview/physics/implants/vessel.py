"""Create small implants in soft tissue: coils, clips and electrodes."""

import numpy as np

from marview.physics.implants.part import Implant, Part
from marview.physics.shapes import Point, Rod, Union, Wire, ball


def coil(
    middle: Point, *, radius_mm: float = 5.0, wire_mm: float = 0.9, seed: int = 0, material: str = "pt"
) -> Implant:
    """Create an aneurysm coil: a long wire wound at random within a ball.

    Args:
        middle: centre of the ball, mm.
        radius_mm: radius of the ball.
        wire_mm: diameter of the wire.
        seed: seed of the winding.
        material: material of the wire.
    """
    generator = np.random.default_rng(seed)
    heading = generator.normal(size=3)
    place = np.zeros(3)
    course: list[Point] = []
    for _ in range(90):
        heading = heading + 0.8 * generator.normal(size=3) - 0.5 * place / radius_mm
        heading = heading / np.linalg.norm(heading)
        place = place + 0.35 * radius_mm * heading
        reach = float(np.linalg.norm(place))
        place = place * min(1.0, (radius_mm - wire_mm / 2) / max(reach, 1e-6))
        course.append((middle[0] + float(place[0]), middle[1] + float(place[1]), middle[2] + float(place[2])))
    return Implant("coil", (Part(Wire(tuple(course), wire_mm / 2), material),))


def clip(
    middle: Point, *, length_mm: float = 9.0, wire_mm: float = 1.2, turn_rad: float = 0.0, material: str = "ti"
) -> Implant:
    """Create a surgical clip: two legs joined by a bend.

    Args:
        middle: centre, mm.
        length_mm: length of the legs.
        wire_mm: diameter of the wire.
        turn_rad: angle of the legs in the x, y plane, from x towards y.
        material: material of the clip.
    """
    along = np.array([np.cos(turn_rad), np.sin(turn_rad), 0.25])
    along = along / np.linalg.norm(along) * length_mm / 2
    across = np.array([-np.sin(turn_rad), np.cos(turn_rad), 0.0]) * wire_mm * 0.8
    centre = np.array(middle)
    corners = (
        centre - along + across,
        centre + along + across * 0.7,
        centre + along - across * 0.7,
        centre - along - across,
    )
    course: tuple[Point, ...] = tuple((float(x), float(y), float(z)) for x, y, z in corners)
    return Implant("clip", (Part(Wire(course, wire_mm / 2), material),))


def electrode(tip: Point, outer: Point, *, contacts: int = 4, pitch_mm: float = 3.0, material: str = "pt") -> Implant:
    """Create an electrode: a row of contacts at the tip, and its lead.

    Args:
        tip: tip of the electrode, mm.
        outer: outer end of the lead, mm.
        contacts: number of contacts.
        pitch_mm: distance between neighbouring contacts.
        material: material of the contacts; the lead is made of stainless steel.
    """
    out = np.subtract(outer, tip)
    out = out / np.linalg.norm(out)

    def at(distance_mm: float) -> Point:
        x, y, z = np.add(tip, out * distance_mm)
        return float(x), float(y), float(z)

    rings = tuple(Rod(at(k * pitch_mm), at(k * pitch_mm + 1.5), 0.65, is_flat=True) for k in range(contacts))
    return Implant("electrode", (Part(Rod(tip, outer, 0.4), "316l"), Part(Union((*rings, ball(tip, 0.7))), material)))
