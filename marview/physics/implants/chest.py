"""Create chest implants: port with catheter, pacemaker with leads, and sternal wires."""

from collections.abc import Sequence

import numpy as np

from marview.physics.implants.part import Implant, Part
from marview.physics.shapes import Column, Ellipsoid, Point, Solid, Union, Wire, Without, ball, smooth_curve


def port(chamber: Point, course: Sequence[Point], *, material: str = "ti") -> Implant:
    """Create a port and its catheter, which has a metal marker.

    Args:
        chamber: centre of the chamber, mm; the membrane of the chamber faces forward.
        course: points along the catheter, starting at the chamber, mm.
        material: material of the chamber; the marker of the catheter is made of tantalum.
    """
    cup = Without(
        Ellipsoid(chamber, (13.0, 6.5, 13.0)), (Ellipsoid((chamber[0], chamber[1] - 3.0, chamber[2]), (9.0, 5.5, 9.0)),)
    )
    catheter = Wire(smooth_curve((chamber, *course)), 0.45)
    return Implant("port", (Part(cup, material), Part(catheter, "ta")))


def pacemaker(case: Point, leads: Sequence[Sequence[Point]], *, material: str = "ti") -> Implant:
    """Create a pacemaker with its leads.

    Args:
        case: centre of the housing, mm; the housing is thinnest from front to back.
        leads: points along each lead, from the housing to the tip, mm.
        material: material of the housing; leads are made of stainless steel, and their tips of platinum.
    """
    shell = Ellipsoid(case, (24.0, 4.0, 21.0))
    hollow = Ellipsoid(case, (23.2, 3.4, 20.2))
    battery = Column((case[0] - 4.0, case[1], case[2] - 4.0), (13.0, 2.6), 20.0, 4.0)
    parts = [Part(Union((Without(shell, (hollow,)), battery)), material)]
    for course in leads:
        curve = smooth_curve((case, *course))
        parts.append(Part(Wire(curve, 0.9), "316l"))
        ring = curve[max(0, len(curve) - 6)]
        parts.append(Part(Union((ball(curve[-1], 1.6), ball(ring, 1.5))), "pt"))
    return Implant("pacemaker", tuple(parts))


def sternal_wire(
    middle: Point, half_width_mm: float, half_depth_mm: float, *, wire_mm: float = 1.0, material: str = "316l"
) -> Implant:
    """Create a wire loop around the sternum, with its ends twisted together in front.

    Args:
        middle: centre of the sternum at the height of the wire, mm.
        half_width_mm: half the left-right width of the loop, mm.
        half_depth_mm: half the front-back depth of the loop, mm.
        wire_mm: diameter of the wire, mm.
        material: material of the wire.
    """
    turn = np.linspace(-np.pi / 2, 1.5 * np.pi, 25)
    loop: tuple[Point, ...] = tuple(
        (
            middle[0] + half_width_mm * float(np.cos(angle)),
            middle[1] + half_depth_mm * float(np.sin(angle)),
            middle[2] + 3.0 * float(angle / np.pi),
        )
        for angle in turn
    )
    front = middle[1] - half_depth_mm
    twist: tuple[Point, ...] = (
        loop[0],
        (middle[0] + 1.0, front - 1.2, middle[2]),
        loop[-1],
        (middle[0] - 1.0, front - 1.4, middle[2] + 5.0),
    )
    solids: tuple[Solid, ...] = (Wire(loop, wire_mm / 2), Wire(twist, wire_mm * 0.9))
    return Implant("sternal-wire", (Part(Union(solids), material),))
