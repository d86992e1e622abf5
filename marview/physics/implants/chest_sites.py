"""Place implants in the chest, under the skin and at the sternum."""

import numpy as np

from marview.physics.implants.chest import pacemaker, port, sternal_wire
from marview.physics.implants.part import Implant
from marview.physics.implants.site import Site
from marview.physics.shapes import Point

_WIRE_EVERY_MM = 18.0


def place_port(site: Site) -> Implant:
    """Place a port under the skin of the right chest; its catheter runs up, to the midline, then down."""
    chamber = _under_skin(site, -0.22, 16.0)
    middle = site.middle_x_mm
    course = (
        (chamber[0] + 8, chamber[1] + 10, chamber[2] + 18),
        ((chamber[0] + middle) / 2, chamber[1] + 32, chamber[2] + 20),
        (middle - 12, chamber[1] + 48, chamber[2] - 10),
        (middle - 10, chamber[1] + 52, chamber[2] - 60),
    )
    return port(chamber, course)


def place_pacemaker(site: Site) -> Implant:
    """Place a pacemaker under the skin of the left chest, with two leads into the heart."""
    case = _under_skin(site, 0.24, 15.0)
    middle = site.middle_x_mm
    over: Point = ((case[0] + middle) / 2, case[1] + 34, case[2] + 22)
    down: Point = (middle - 8, case[1] + 46, case[2] - 10)
    leads = (
        (over, down, (middle - 12, case[1] + 44, case[2] - 60)),
        (
            (over[0], over[1] + 2, over[2] - 3),
            (down[0] + 3, down[1], down[2]),
            (middle + 25, case[1] + 32, case[2] - 95),
        ),
    )
    return pacemaker(case, leads)


def place_sternal_wires(site: Site) -> tuple[Implant, ...]:
    """Place wires around the sternum, at least 18 mm apart.

    The foremost bone near the median plane counts as the sternum.
    """
    x, y, z = site.coordinates
    front = site.bone & (np.abs(x - site.middle_x_mm) < 14) & (y < site.middle_y_mm)
    first = site.best(np.broadcast_to(-y, front.shape), front, "breastbone")
    sternum = front & (np.abs(y - first[1]) < 40)
    half = max(site.step_mm[0] / 2, 1.0)
    wires = []
    for level in _levels(float(z.min()), float(z.max())):
        here = sternum & (np.abs(z - level) <= half)
        if here.any():
            at = site.best(np.broadcast_to(-y, here.shape), here, "breastbone")
            wires.append(sternal_wire((site.middle_x_mm, at[1] + 6.0, level), 13.0, 8.0))
    return tuple(wires)


def _levels(lowest: float, highest: float) -> list[float]:
    count = max(1, int((highest - lowest) // _WIRE_EVERY_MM))
    return [lowest + (highest - lowest) * (index + 0.5) / count for index in range(count)]


def _under_skin(site: Site, side: float, depth_mm: float) -> Point:
    """Find a point at a depth under the skin in front; `side` is a fraction of the body width, positive to the left."""
    x, y, z = site.coordinates
    target = site.middle_x_mm + side * site.width_mm
    off = np.abs(site.depth_in_body_mm - depth_mm) + 0.1 * np.abs(x - target) + 0.02 * np.abs(z - np.median(z))
    front = site.body & (y < site.middle_y_mm) & (np.abs(x - target) < 0.12 * site.width_mm) & ~site.bone
    return site.best(-off, front, "soft tissue under the skin")
