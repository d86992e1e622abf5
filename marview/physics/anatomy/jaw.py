"""Phantom of the jaws, teeth and neck."""

from dataclasses import dataclass

from marview.physics.anatomy.canvas import BLOOD, FAT, FLUID, GAS, MUSCLE, SKIN, Canvas, Tissue
from marview.physics.shapes import (
    Block,
    Column,
    Common,
    Ellipsoid,
    Point,
    Rod,
    Solid,
    Union,
    Wire,
    Without,
    both_sides,
    smooth_curve,
)

_ENAMEL = Tissue(2450, 60, 60)
_DENTIN = Tissue(1480, 40, 40)
_PULP = Tissue(120, 20, 20)
_GLAND = Tissue(8, 8, 14, -40)
_TONGUE = Tissue(58, 6, 8, -45)
_MUCOSA = Tissue(52, 5, 8)
_CORD = Tissue(38, 3, 2)


@dataclass(frozen=True)
class Tooth:
    """Position and size of a tooth.

    Attributes:
        x: x of the left tooth's centre, mm; the right tooth is the mirror image.
        y: y of the centre, mm.
        width: size along the arch, mm.
        depth: size across the arch, mm.
        turn_rad: angle between x and the direction across the arch, positive from x towards y.
    """

    x: float
    y: float
    width: float
    depth: float
    turn_rad: float


TEETH = (
    Tooth(4.2, -63.5, 8.0, 7.0, 1.50),
    Tooth(11.8, -61.5, 6.8, 6.2, 1.25),
    Tooth(18.2, -57.0, 7.4, 8.0, 0.95),
    Tooth(22.3, -50.6, 6.6, 8.6, 0.55),
    Tooth(25.2, -43.6, 6.6, 8.8, 0.35),
    Tooth(28.0, -34.6, 10.2, 10.6, 0.25),
    Tooth(30.4, -24.2, 9.8, 10.4, 0.20),
    Tooth(32.0, -14.4, 8.8, 9.6, 0.15),
)
"""The left half of a dental arch, from the central incisor to the wisdom tooth."""

LOWER_CROWN_MM = (-8.5, -0.4)
"""Lower and upper end of the crowns of the lower teeth along z, mm."""

UPPER_CROWN_MM = (0.6, 9.0)
"""Lower and upper end of the crowns of the upper teeth along z, mm."""


def paint_jaw(canvas: Canvas) -> None:
    """Paint 50 mm of a head around the occlusal plane, without metal."""
    _outline(canvas)
    _soft_tissue(canvas)
    _spine(canvas)
    _jaws(canvas)
    for is_upper in (False, True):
        for tooth in TEETH:
            _tooth(canvas, tooth, is_upper=is_upper)


def _outline(canvas: Canvas) -> None:
    def head(inset_mm: float) -> Solid:
        face = Ellipsoid((0, -22, 4), (62 - inset_mm, 60 - inset_mm, 90), 0.0)
        neck = Column((0, 34, 0), (72 - inset_mm, 62 - inset_mm), 500, 2.5)
        lips = Ellipsoid((0, -74, 1), (26 - inset_mm, 11 - inset_mm, 18))
        return Union((face, neck, lips))

    canvas.paint(head(0), SKIN, wobble_mm=1.2)
    canvas.paint(head(1.8), FAT, wobble_mm=1.2)
    canvas.paint(Ellipsoid((0, -68, 1), (30, 9, 22)), MUSCLE, wobble_mm=1.0)


def _soft_tissue(canvas: Canvas) -> None:
    muscles: tuple[Solid, ...] = (
        Ellipsoid((52, 2, -2), (8, 23, 42), -0.15),  # masseter
        Ellipsoid((35, 8, -2), (7, 17, 34), 0.15),  # medial pterygoid
        Ellipsoid((37, -42, 0), (2.6, 26, 20), -0.35),  # buccinator
        Ellipsoid((53, 54, -10), (9, 19, 90), -0.5),  # sternocleidomastoid
        Ellipsoid((8, 30, 0), (8, 5, 90), -0.1),  # prevertebral
        Ellipsoid((13, 81, 0), (11, 12, 90), 0.1),  # semispinalis
        Ellipsoid((33, 74, 0), (13, 13, 90), 0.5),  # splenius and longissimus
        Ellipsoid((12, 67, 0), (11, 6, 60)),  # suboccipital
        Ellipsoid((34, 82, 0), (25, 3.0, 90), -0.38),  # trapezius
        Ellipsoid((30, 20, 0), (6, 8, 40), 0.2),  # styloid and digastric
    )
    for muscle in muscles:
        canvas.paint_muscle(both_sides(muscle), wobble_mm=1.0, sheath_mm=0.8)
    canvas.paint(both_sides(Ellipsoid((56, 30, 4), (10, 16, 28), -0.2)), _GLAND, wobble_mm=1.5)  # parotid
    canvas.paint(both_sides(Ellipsoid((34, -4, -26), (9, 15, 13), 0.1)), Tissue(36, 5, 6), wobble_mm=1.2)

    mouth = Ellipsoid((0, -24, 0), (34, 42, 27))
    canvas.paint(mouth, _MUCOSA, wobble_mm=1.0)
    canvas.paint(Ellipsoid((0, -24, -6), (22, 33, 19)), _TONGUE, wobble_mm=1.2)
    canvas.paint(Ellipsoid((0, -24, -10), (0.9, 26, 14)), FAT, wobble_mm=1.5)
    canvas.paint(Ellipsoid((0, -26, 12.6), (15, 24, 1.6)), GAS, wobble_mm=1.5)  # between tongue and palate
    pharynx = Ellipsoid((0, 17, -4), (19, 12, 60))
    canvas.paint(pharynx, _MUCOSA, wobble_mm=1.0)
    canvas.paint(Ellipsoid((0, 15, -14), (13, 7, 24)), GAS, wobble_mm=1.5)
    canvas.paint(Ellipsoid((0, 18, 20), (12, 6, 20)), GAS, wobble_mm=1.5)
    canvas.paint(Ellipsoid((0, 8, 6), (7, 4.5, 12)), _MUCOSA, wobble_mm=1.0)  # uvula
    canvas.paint(both_sides(Ellipsoid((18, 10, -4), (5, 7, 12))), Tissue(60, 5, 8), wobble_mm=1.0)  # tonsil
    for side in (1.0, -1.0):
        canvas.paint(Wire(smooth_curve(((side * 33, -50, 0), (side * 36, -36, 1), (side * 38, -22, 0))), 0.9), GAS)
        canvas.paint(Rod((side * 33, 30, -40), (side * 31, 30, 40), 3.0), BLOOD, wobble_mm=0.6)  # carotid
        canvas.paint(Rod((side * 39, 34, -40), (side * 37, 34, 40), 4.6), BLOOD, wobble_mm=0.8)  # jugular
        canvas.paint(Rod((side * 24, 16, -40), (side * 26, 18, 40), 2.0), BLOOD, wobble_mm=0.6)
        canvas.paint(Ellipsoid((side * 43, 40, -12), (3, 6, 6)), _MUCOSA, wobble_mm=0.8)  # lymph node


def _spine(canvas: Canvas) -> None:
    canvas.paint(Ellipsoid((0, 57, 0), (13, 10, 400)), FAT)
    canvas.paint(Ellipsoid((0, 57, 0), (11, 8.2, 400)), FLUID, wobble_mm=0.4)
    canvas.paint(Ellipsoid((0, 57.5, 0), (6.6, 4.6, 400)), _CORD, wobble_mm=0.4)
    for z in (-19.0, 1.0, 21.0):
        arch = Union(
            (
                Ellipsoid((20, 44, z), (8, 7, 8.5), 0.3),
                Rod((24, 48, z), (18, 62, z - 2), 3.6),
                Rod((18, 62, z - 2), (2, 72, z - 4), 3.0),
                Rod((20, 42, z), (30, 42, z - 2), 3.2),
            )
        )
        whole = Union(
            (Column((0, 40, z), (11, 8.5), 15.0, 2.3), both_sides(arch), Block((0, 78, z - 5), (4, 8, 4), rounding=2.5))
        )
        canvas.paint_bone(whole, cortex_mm=1.2, inside=Tissue(260, 60, 40), wobble_mm=0.5)
        canvas.paint(both_sides(Rod((25.5, 41, z - 14), (25.5, 41, z + 14), 2.2)), BLOOD)
        canvas.paint(Column((0, 40, z + 10), (11, 8.5), 5.0, 2.3), Tissue(85, 4, 6), wobble_mm=0.5)


def _jaws(canvas: Canvas) -> None:
    def arch(z: float, radius: float, outward_mm: float = 0.0) -> Solid:
        half: list[Point] = [(tooth.x * (1 + outward_mm / 32), tooth.y * (1 + outward_mm / 64), z) for tooth in TEETH]
        right: list[Point] = [(-x, y, height) for x, y, height in half[::-1]]
        return Wire((*right, *half), radius)

    ramus = Without(
        Ellipsoid((44, 4, 4), (5.2, 18, 60), -0.18),
        (Ellipsoid((44, -16, 30), (14, 14, 16)),),
    )
    angle = Union((Rod((32, -14, -22), (43, 4, -26), 7.0), Rod((32, -16, -13), (42, -6, -12), 5.5)))
    lower = Union((arch(-13.5, 5.6), arch(-18.0, 6.4), arch(-24.0, 7.4, 1.5), both_sides(ramus), both_sides(angle)))
    canvas.paint_bone(lower, cortex_mm=2.3, inside=Tissue(190, 70, 60), wobble_mm=0.6)
    canvas.paint(
        both_sides(Wire(smooth_curve(((44, 2, 10), (40, -6, -18), (30, -24, -23), (25, -42, -22))), 1.4)), BLOOD
    )

    palate = Common((Ellipsoid((0, -34, 19), (30, 34, 2.4)), Block((0, -30, 19), (40, 40, 6))))
    upper = Union((arch(14.0, 6.0), arch(19.0, 6.6), arch(24.0, 6.0), palate))
    canvas.paint_bone(upper, cortex_mm=1.5, inside=Tissue(230, 80, 60), wobble_mm=0.6)
    sinus = both_sides(Ellipsoid((27, -26, 26), (7, 15, 7)))
    canvas.paint(sinus, GAS, wobble_mm=0.8)
    canvas.paint(both_sides(Ellipsoid((22, 0, 20), (3, 9, 14), 0.3)), Tissue(500, 60, 60), wobble_mm=0.5)  # pterygoid


def _tooth(canvas: Canvas, tooth: Tooth, *, is_upper: bool) -> None:
    """Paint a tooth: a crown of enamel and dentine, and roots with their canals."""
    low, high = UPPER_CROWN_MM if is_upper else LOWER_CROWN_MM
    neck, away = (high, 1.0) if is_upper else (low, -1.0)
    is_molar = tooth.width > 8.5
    for side in (1.0, -1.0):
        x, turn = side * tooth.x, tooth.turn_rad if side > 0 else 3.14159 - tooth.turn_rad
        middle = (x, tooth.y, (low + high) / 2)
        half = (tooth.depth / 2, tooth.width / 2 - 0.25)
        spread = tooth.width * 0.22 if is_molar else 0.0
        for shift in (-spread, spread) if is_molar else (0.0,):
            foot = (x * 1.0 + shift * side * 0.2, tooth.y + shift, neck - away * 1.0)
            tip = (x * 0.97 + shift * side * 0.3, tooth.y * 0.98 + shift * 1.1, neck + away * 12.0)
            canvas.paint(Rod(foot, tip, tooth.depth * (0.27 if is_molar else 0.38), 1.3), _DENTIN, edge_mm=0.6)
            canvas.paint(Rod(foot, tip, 0.55, 0.3), _PULP, edge_mm=0.6)
        canvas.paint(Column(middle, half, high - low, 2.8, turn), _ENAMEL, edge_mm=0.6)
        core = (x, tooth.y, middle[2] + away * 1.0)
        canvas.paint(Column(core, (half[0] - 1.4, half[1] - 1.3), high - low - 1.0, 2.6, turn), _DENTIN, edge_mm=0.7)
        canvas.paint(Ellipsoid((x, tooth.y, neck - away * 1.5), (1.2, 1.2, 2.4)), _PULP, edge_mm=0.6)
