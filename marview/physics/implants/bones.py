"""Place implants in bone and teeth: hip prostheses, pedicle screws, plates, fillings, crowns and dental screws."""

import numpy as np

from marview.errors import BadInput
from marview.physics.implants.dental import crown, dental_screw, filling
from marview.physics.implants.hip import HipSizes, hip
from marview.physics.implants.part import Implant
from marview.physics.implants.plate import plate
from marview.physics.implants.site import Site
from marview.physics.implants.spine import pedicle_screws
from marview.physics.shapes import Point

_HEAD_MM = 24.0
_TOOTH_HU = 1250.0
_SCREW_IN_BONE = 0.75
_LEVEL_MM = 26.0
_THINNEST_HIP_MM = 10.0

Way = tuple[Point, Point]
"""Entry and tip of a screw, mm."""


def place_hip(site: Site, side: float) -> Implant:
    """Place a hip prosthesis in the thickest bone on one side (+1 left, -1 right), and scale it to the bone.

    Raises:
        BadInput: no bone on this side is at least 20 mm thick.
    """
    lateral = side * (site.coordinates[0] - site.middle_x_mm) > 0.2 * site.width_mm
    where = site.bone & lateral & (site.depth_in_bone_mm >= _THINNEST_HIP_MM)
    x, y, z = site.best(site.depth_in_bone_mm, where, "bone 20 mm thick on this side")
    scale = float(np.clip(site.depth_in_bone_mm[where].max() / _HEAD_MM, 0.4, 1.0))
    sizes = HipSizes(
        cup=54 * scale, cup_wall=3.5 * scale, head=30 * scale, neck=12 * scale, stem=20 * scale, stem_tip=11 * scale
    )
    out = side * 27.0 * scale
    return hip(
        (x, y, z),
        (x + out, y + 6 * scale, z - 24 * scale),
        (x + 0.85 * out, y + 8 * scale, z - 120 * scale),
        sizes=sizes,
    )


def place_pedicle_screws(site: Site) -> tuple[Implant, ...]:
    """Place screws in both pedicles of each vertebra whose body is in the volume.

    Each screw follows the path that runs through the most bone.

    Raises:
        BadInput: no path to a vertebral body runs mostly through bone.
    """
    x, _, z = site.coordinates
    central = site.bone & (np.abs(x - site.middle_x_mm) < 0.1 * site.width_mm)
    found: list[tuple[float, Way, Way]] = []
    for level in range(len(z)):
        here = np.zeros_like(central)
        here[level] = central[level]
        if not here.any():
            continue
        body = site.best(site.depth_in_bone_mm, here, "vertebral body")
        (left_share, left), (right_share, right) = (_way_in(site, body, side) for side in (1.0, -1.0))
        found.append((min(left_share, right_share), left, right))
    chosen: list[tuple[Way, Way]] = []
    for share, left, right in sorted(found, key=lambda one: -one[0]):
        if share >= _SCREW_IN_BONE and all(abs(left[1][2] - other[0][1][2]) >= _LEVEL_MM for other in chosen):
            chosen.append((left, right))
    if not chosen:
        raise BadInput("No pedicle in this volume is suitable for a screw; choose another implant or series.")
    chosen.sort(key=lambda ways: ways[0][1][2])
    left_ways, right_ways = zip(*chosen, strict=True)
    return pedicle_screws(left_ways), pedicle_screws(right_ways)


def _way_in(site: Site, body: Point, side: float) -> tuple[float, Way]:
    """Return the fraction of bone on the best path into a vertebral body, and the two ends of the path."""
    ways: list[Way] = []
    for across in (12.0, 16.0, 20.0, 24.0, 28.0):
        for back in (30.0, 36.0, 42.0):
            entry = (body[0] + side * across, body[1] + back, body[2] + 2.0)
            ways.append((entry, (body[0] + side * 0.35 * across, body[1] - 4.0, body[2])))
    entries, targets = zip(*ways, strict=True)
    shares = site.share_in_bone(entries, targets)
    best = int(shares.argmax())
    return float(shares[best]), ways[best]


def place_plate(site: Site, side: float) -> Implant:
    """Place a plate on the outer surface of the thickest bone on one side (+1 left, -1 right), along the body axis."""
    lateral = site.bone & (side * (site.coordinates[0] - site.middle_x_mm) > 0.12 * site.width_mm)
    x, y, z = site.best(site.depth_in_bone_mm, lateral, "bone on this side")
    while site.is_bone((x, y, z)):
        x += side * 0.5
    return plate((x, y, z), (0.0, 0.0, 1.0), (-side, 0.0, 0.0))


def place_fillings(site: Site, generator: np.random.Generator) -> tuple[Implant, ...]:
    """Place fillings in two to five teeth."""
    return tuple(
        filling(
            tooth,
            width_mm=float(generator.uniform(3.5, 6.0)),
            depth_mm=float(generator.uniform(3.5, 5.0)),
            height_mm=float(generator.uniform(2.5, 4.0)),
        )
        for tooth in _teeth(site, int(generator.integers(2, 6)))
    )


def place_crown(site: Site, generator: np.random.Generator) -> tuple[Implant, ...]:
    """Place crowns on one or two teeth."""
    return tuple(crown(tooth) for tooth in _teeth(site, int(generator.integers(1, 3))))


def place_dental_screw(site: Site) -> tuple[Implant, ...]:
    """Place a screw in the jaw below a tooth."""
    return tuple(dental_screw((x, y, z - 6.0)) for x, y, z in _teeth(site, 1))


def _teeth(site: Site, count: int) -> list[Point]:
    """Find teeth: the densest points in the front half of a head, at least 14 mm apart."""
    x, y, z = site.coordinates
    front = site.body & (y < site.middle_y_mm)
    where = front & (site.dense > _TOOTH_HU)
    places: list[Point] = []
    while len(places) < count and (where.any() or not places):
        place = site.best(site.dense, where, f"tooth (nothing denser than {_TOOTH_HU:.0f} HU in front)")
        places.append(place)
        apart = (x - place[0]) ** 2 + (y - place[1]) ** 2 + ((z - place[2]) / 2) ** 2
        where = where & (apart > 14.0**2)
    return places
