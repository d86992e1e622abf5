"""Create fillings, crowns and dental screws."""

from marview.physics.implants.part import Implant, Part
from marview.physics.shapes import Block, Column, Ellipsoid, Point, Rod, Union, Without


def filling(
    middle: Point, *, width_mm: float = 5.0, depth_mm: float = 4.5, height_mm: float = 3.0, material: str = "amalgam"
) -> Implant:
    """Create a filling in the occlusal surface of a tooth.

    Args:
        middle: centre of the filling, mm.
        width_mm: size along y.
        depth_mm: size along x.
        height_mm: size along z.
        material: amalgam or gold.
    """
    box = Block(middle, (depth_mm / 2, width_mm / 2, height_mm / 2), rounding=min(1.2, height_mm / 2.5))
    step = Ellipsoid(
        (middle[0], middle[1] + width_mm * 0.3, middle[2]), (depth_mm * 0.4, width_mm * 0.35, height_mm * 0.55)
    )
    return Implant("filling", (Part(Union((box, step)), material),))


def crown(
    middle: Point,
    *,
    depth_mm: float = 8.5,
    width_mm: float = 6.8,
    height_mm: float = 8.0,
    wall_mm: float = 1.0,
    opens_down: bool = True,
    material: str = "cocrmo",
) -> Implant:
    """Create a crown over a whole tooth.

    Args:
        middle: centre of the crown, mm.
        depth_mm: size along x.
        width_mm: size along y.
        height_mm: size along z.
        wall_mm: thickness of the metal.
        opens_down: whether the crown opens towards lower z, as on a lower tooth.
        material: material of the crown.
    """
    outer = Column(middle, (depth_mm / 2, width_mm / 2), height_mm, 2.8)
    shift = -wall_mm if opens_down else wall_mm
    inside = (middle[0], middle[1], middle[2] + shift * 1.5)
    inner = Column(inside, (depth_mm / 2 - wall_mm, width_mm / 2 - wall_mm), height_mm + wall_mm, 2.8)
    return Implant("crown", (Part(Without(outer, (inner,)), material),))


def dental_screw(
    middle: Point, *, length_mm: float = 11.0, diameter_mm: float = 4.1, goes_down: bool = True, material: str = "ti"
) -> Implant:
    """Create a dental screw: a screw in the jaw with a post for a crown.

    Args:
        middle: point where the screw leaves the bone, mm.
        length_mm: length in the bone.
        diameter_mm: diameter at the bone's surface.
        goes_down: whether the screw points towards lower z.
        material: material of the screw and the post.
    """
    way = -1.0 if goes_down else 1.0
    x, y, z = middle
    screw = Rod(middle, (x, y, z + way * length_mm), diameter_mm / 2, diameter_mm * 0.36)
    post = Rod(middle, (x, y, z - way * 5.0), diameter_mm * 0.45, diameter_mm * 0.32)
    return Implant("dental-screw", (Part(Union((screw, post)), material),))
