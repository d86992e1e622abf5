"""Create pedicle screws and their rods."""

from dataclasses import dataclass

import numpy as np

from marview.physics.implants.part import Implant, Part
from marview.physics.shapes import Point, Rod, Solid, Union, Wire, point, smooth_curve


@dataclass(frozen=True)
class ScrewSizes:
    """Sizes of a pedicle screw and its rod in mm.

    Attributes:
        shank: diameter of the thread.
        core: diameter at the tip.
        head: diameter of the head.
        head_height: height of the head along the screw.
        rod: diameter of the rod.
    """

    shank: float = 6.5
    core: float = 4.5
    head: float = 12.0
    head_height: float = 13.0
    rod: float = 5.5


def pedicle_screw(entry: Point, target: Point, sizes: ScrewSizes | None = None) -> tuple[Solid, Point]:
    """Create a pedicle screw; return it with the point where its head holds the rod, mm.

    Args:
        entry: point where the screw enters the bone, mm.
        target: tip of the screw, mm.
        sizes: sizes of the parts; None for the usual sizes.
    """
    sizes = sizes or ScrewSizes()
    out = np.subtract(entry, target)
    out = out / np.linalg.norm(out)
    outer = np.add(entry, out * sizes.head_height)
    seat = np.add(entry, out * (sizes.head_height * 0.6))
    head = Rod(entry, point(outer), sizes.head / 2, is_flat=True)
    return Union((Rod(target, entry, sizes.core / 2, sizes.shank / 2), head)), point(seat)


def pedicle_screws(
    entries_and_targets: tuple[tuple[Point, Point], ...],
    *,
    material: str = "ti6al4v",
    sizes: ScrewSizes | None = None,
    overhang_mm: float = 8.0,
) -> Implant:
    """Create the screws of one side and the rod that joins them.

    Args:
        entries_and_targets: bone entry point and tip of each screw, mm, from the lowest to the highest
            screw.
        material: material of the whole implant.
        sizes: sizes of the parts; None for the usual sizes.
        overhang_mm: length of the rod beyond the outer screws.
    """
    sizes = sizes or ScrewSizes()
    screws, seats = zip(*(pedicle_screw(entry, target, sizes) for entry, target in entries_and_targets), strict=True)
    parts = [Part(screw, material) for screw in screws]
    if len(seats) > 1:
        first, last = np.array(seats[0]), np.array(seats[-1])
        along = (last - first) / np.linalg.norm(last - first) * overhang_mm
        course = smooth_curve((point(first - along), *seats, point(last + along)))
        parts.append(Part(Wire(course, sizes.rod / 2), material))
    side = "left" if entries_and_targets[0][0][0] > 0 else "right"
    return Implant(f"pedicle-screws-{side}", tuple(parts))
