"""Phantom of the pelvis at the level of the hips, with space for a prosthesis in both joints."""

from marview.physics.anatomy.canvas import (
    BLOOD,
    CARTILAGE,
    FAT,
    FLUID,
    GAS,
    MARROW,
    MUSCLE,
    PELVIC_FAT,
    SKIN,
    Canvas,
    Tissue,
)
from marview.physics.anatomy.couch import paint_couch
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
    ball,
    both_sides,
    smooth_curve,
)

HEAD_MIDDLE: Point = (88.0, 2.0, 0.0)
"""Centre of the left hip joint, mm; the right one is its mirror image."""

SHAFT_TOP: Point = (116.0, 10.0, -24.0)
SHAFT_BOTTOM: Point = (110.0, 12.0, -120.0)

_SCAR = Tissue(38, 4, 9)
_LINER = Tissue(-78, 3, 2)  # polyethylene
_STOOL = Tissue(25, 30, 45)
_PROSTATE = Tissue(43, 4, 6)
_WALL = Tissue(40, 4, 5)


def paint_pelvis(canvas: Canvas) -> None:
    """Paint 100 mm of a man's pelvis around the hip joints, without metal."""
    paint_couch(canvas)
    _outline(canvas)
    _muscles(canvas)
    _viscera(canvas)
    _bones(canvas)


def _outline(canvas: Canvas) -> None:
    def body(inset_mm: float) -> Solid:
        trunk = Column((0, -2, 0), (177 - inset_mm, 104 - inset_mm), 1000, 2.35)
        buttock = Ellipsoid((72, 62, -25), (88 - inset_mm, 58 - inset_mm, 190), -0.15)
        cleft = Rod((0, 135 - inset_mm, -200), (0, 128 - inset_mm, 40), 15 + inset_mm)
        rest = Block((0, -100, 0), (400, 219 - inset_mm, 1000))
        return Common((Without(Union((trunk, both_sides(buttock))), (cleft,)), rest))

    canvas.paint(body(0), SKIN, wobble_mm=2.2, edge_mm=1.0)
    canvas.paint(body(2.0), FAT, wobble_mm=2.2)


def _muscles(canvas: Canvas) -> None:
    muscles: tuple[Solid, ...] = (
        Union(
            (Ellipsoid((92, 66, 0), (80, 24, 120), -0.42), Ellipsoid((60, 84, 10), (44, 19, 95), -0.1))
        ),  # gluteus maximus
        Ellipsoid((80, -6, 20), (36, 50, 75), 0.2),  # around the joint
        Ellipsoid((135, 2, 45), (21, 50, 72), -0.12),  # gluteus medius
        Ellipsoid((111, -6, 48), (14, 42, 50), 0.05),  # gluteus minimus
        Ellipsoid((143, -46, -12), (15, 28, 75), 0.5),  # tensor fasciae latae
        Ellipsoid((116, -72, -5), (18, 9, 95), 0.5),  # sartorius
        Ellipsoid((104, -55, -20), (22, 16, 66), 0.2),  # rectus femoris
        Ellipsoid((76, -44, 5), (28, 21, 110), 0.25),  # iliopsoas
        Ellipsoid((50, -50, -38), (23, 12, 30), 0.55),  # pectineus
        Ellipsoid((52, 22, 2), (8, 36, 38), 0.2),  # obturator internus
        Ellipsoid((72, -10, -48), (26, 17, 17), 0.5),  # obturator externus
        Ellipsoid((98, 40, -38), (30, 9, 26), -0.15),  # quadratus femoris
        Ellipsoid((143, 2, -62), (17, 36, 38), -0.1),  # vastus lateralis
        Ellipsoid((104, 32, 12), (26, 8, 14), -0.3),  # gemelli and piriformis
        Ellipsoid((21, -84, 42), (21, 8, 70), 0.1),  # rectus abdominis
        Ellipsoid((40, -44, -62), (22, 24, 28), 0.3),  # adductors
    )
    for muscle in muscles:
        canvas.paint_muscle(both_sides(muscle))
    canvas.paint(both_sides(Ellipsoid((105, 4, -6), (30, 31, 27))), _SCAR, wobble_mm=2.0)


def _viscera(canvas: Canvas) -> None:
    cavity = Ellipsoid((0, 4, 25), (49, 68, 75))
    canvas.paint(cavity, PELVIC_FAT, wobble_mm=2.5, edge_mm=1.5)
    levator = Without(Ellipsoid((0, 22, -42), (36, 44, 42)), (Ellipsoid((0, 22, -40), (31, 39, 42)),))
    canvas.paint(levator, MUSCLE, wobble_mm=1.5)

    canvas.paint(Ellipsoid((2, -28, 14), (44, 31, 36)), _WALL, wobble_mm=2.0)
    canvas.paint(Ellipsoid((2, -28, 14), (41, 28, 33)), FLUID, wobble_mm=2.0)
    canvas.paint(Ellipsoid((0, -14, -31), (24, 19, 18)), _PROSTATE, wobble_mm=1.5)
    canvas.paint(both_sides(Ellipsoid((17, 10, -3), (20, 7, 8), 0.2)), _PROSTATE, wobble_mm=1.5)
    course = smooth_curve(((0, 44, -60), (0, 42, -30), (3, 38, 5), (-4, 36, 30), (10, 26, 62)))
    canvas.paint(Wire(course, 16.5), _WALL, wobble_mm=2.0)
    canvas.paint(Wire(course, 13.2), _STOOL, wobble_mm=2.0)
    canvas.paint(Ellipsoid((4, 31, 14), (8, 5, 17)), GAS, wobble_mm=1.5)
    for middle, radii in (((-30, 6, 50), (19, 15, 18)), ((30, -4, 56), (17, 13, 16)), ((-20, -36, 60), (20, 14, 15))):
        canvas.paint(Ellipsoid(middle, radii), _WALL, wobble_mm=2.5)
        canvas.paint(Ellipsoid(middle, (radii[0] - 3, radii[1] - 3, radii[2] - 3)), Tissue(22, 4, 8), wobble_mm=2.5)

    artery = smooth_curve(((72, -72, -60), (66, -74, -20), (60, -64, 20), (48, -34, 60)))
    vein = smooth_curve(((62, -66, -60), (54, -70, -20), (49, -58, 20), (40, -22, 60)))
    canvas.paint(both_sides(Wire(artery, 5.2)), BLOOD, wobble_mm=1.0)
    canvas.paint(both_sides(Wire(vein, 6.0)), BLOOD, wobble_mm=1.0)
    canvas.paint(
        both_sides(Without(Wire(artery, 5.4), (Wire(artery, 4.6), Block((72, -60, 0), (9, 12, 200))))),
        Tissue(260, 60, 120),
        wobble_mm=1.0,
    )
    for x, y, z, radius in ((74, -88, -8, 4.5), (60, -86, -22, 4.0), (-70, -90, -14, 5.0), (-58, -85, 4, 3.5)):
        canvas.paint(ball((x, y, z), radius), Tissue(48, 3, 4), wobble_mm=1.0)
    for x, y, z, radius in (
        (41, 18, 18, 2.8),
        (-39, 26, 10, 2.4),
        (36, 36, -6, 2.2),
        (-34, 12, 30, 3.0),
        (44, -2, 34, 2.5),
    ):
        canvas.paint(ball((x, y, z), radius), BLOOD)
    canvas.paint(ball((-38, 30, -8), 1.8), Tissue(420, 40, 30))


def _bones(canvas: Canvas) -> None:
    x, y, z = HEAD_MIDDLE
    socket = ball(HEAD_MIDDLE, 27.0)
    acetabulum = Common((ball((x - 3, y, z + 3), 36.0), ball((x - 32, y + 4, z + 22), 49.0)))
    innominate = Union(
        (
            acetabulum,
            Ellipsoid((x - 2, y - 2, z + 50), (16, 46, 34), 0.35),  # ilium
            Ellipsoid((x - 20, y + 34, z - 2), (15, 22, 30), 0.3),  # posterior column
            Ellipsoid((x - 18, y + 34, z - 42), (17, 20, 34), 0.25),  # ischium
            Rod((x - 24, y + 46, z + 2), (x - 38, y + 54, z - 2), 5.0, 3.0),  # spine of the ischium
            Rod((x - 22, y - 24, z + 2), (16, -58, -32), 11.0, 10.0),  # superior ramus of the pubis
            Ellipsoid((15, -57, -40), (12, 13, 19), 0.4),
            Rod((15, -50, -52), (x - 24, y + 24, z - 66), 8.0),  # inferior ramus
        )
    )
    canvas.paint_bone(both_sides(Without(innominate, (socket,))), cortex_mm=1.9, wobble_mm=0.9)
    canvas.paint(both_sides(Common((ball(HEAD_MIDDLE, 24.0), ball((x - 20, y + 6, z + 20), 30.0)))), _LINER)
    canvas.paint(Ellipsoid((0, -57, -40), (3.2, 13, 18)), CARTILAGE)

    sacrum = Union(
        (Ellipsoid((0, 76, 56), (44, 13, 34)), Wire(smooth_curve(((0, 82, 36), (0, 80, 14), (0, 70, -12))), 7.0))
    )
    canvas.paint_bone(sacrum, cortex_mm=1.2, wobble_mm=1.0)

    greater = Ellipsoid((131, 19, -14), (17, 22, 24), -0.2)
    upper = Rod((112, 8, -18), (115, 11, -46), 20.0, 17.0)
    canvas.paint_bone(both_sides(Union((greater, upper, ball((101, 26, -50), 9.5)))), cortex_mm=1.8, wobble_mm=0.9)
    shaft = Rod((116, 11, -40), SHAFT_BOTTOM, 17.0, 15.0)
    canvas.paint_bone(both_sides(shaft), cortex_mm=5.0, inside=MARROW, wobble_mm=0.6)
