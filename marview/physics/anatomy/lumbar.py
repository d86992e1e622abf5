"""Phantom of the trunk at the level of the lumbar spine."""

from marview.physics.anatomy.canvas import (
    BLOOD,
    FAT,
    FLUID,
    GAS,
    PELVIC_FAT,
    SKIN,
    TRABECULAR,
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

LEVELS_MM = (-38.0, 0.0, 38.0)
"""Positions of the centres of the vertebral bodies along z, mm."""

PEDICLE_ENTRY: Point = (25.0, 58.0, 7.0)
"""Point where a screw enters the left side of a vertebra, mm, relative to the centre of the vertebral body."""

PEDICLE_TARGET: Point = (10.0, 12.0, 4.0)
"""Tip of the screw in the vertebral body, mm, relative to its centre."""

_WALL = Tissue(40, 4, 5)
_KIDNEY = Tissue(34, 4, 4)
_LIVER = Tissue(58, 4, 4)
_CHYME = Tissue(24, 5, 10)
_STOOL = Tissue(20, 35, 55)
_DISC = Tissue(82, 4, 7)
_SAC = Tissue(16, 3, 3)
_CALCIUM = Tissue(520, 60, 120)


def paint_lumbar(canvas: Canvas) -> None:
    """Paint 100 mm of a trunk around three lumbar vertebrae, without metal."""
    paint_couch(canvas)
    _outline(canvas)
    _organs(canvas)
    _muscles(canvas)
    _vessels(canvas)
    for level_mm in LEVELS_MM:
        _vertebra(canvas, level_mm)
    for level_mm in (-57.0, -19.0, 19.0, 57.0):
        canvas.paint(_body(level_mm, 24.5, 17.2, 11.0), _DISC, wobble_mm=0.8)


def _outline(canvas: Canvas) -> None:
    def trunk(inset_mm: float) -> Solid:
        whole = Column((0, 0, 0), (168 - inset_mm, 112 - inset_mm), 1000, 2.5)
        furrow = Rod((0, 134 - inset_mm, -400), (0, 134 - inset_mm, 400), 24 + inset_mm)
        return Without(whole, (furrow,))

    canvas.paint(trunk(0), SKIN, wobble_mm=1.8)
    canvas.paint(trunk(2), FAT, wobble_mm=1.8)
    for inset_mm, gap_mm in ((17, 5.0), (22.8, 4.6), (28.2, 3.6)):  # the three layers of the abdominal wall
        layer = Without(
            Column((0, -4, 0), (168 - inset_mm, 106 - inset_mm), 1000, 2.4),
            (
                Column((0, -4, 0), (168 - inset_mm - gap_mm, 106 - inset_mm - gap_mm), 1000, 2.4),
                Block((0, 90, 0), (55, 60, 600)),
            ),
        )
        canvas.paint_muscle(layer, wobble_mm=2.5, sheath_mm=0.7)
    canvas.paint(Column((0, -6, 0), (131, 68), 1000, 2.3), PELVIC_FAT, wobble_mm=2.5)


def _muscles(canvas: Canvas) -> None:
    muscles: tuple[Solid, ...] = (
        Ellipsoid((47, 66, 0), (30, 24, 220), -0.25),  # longissimus and iliocostalis
        Ellipsoid((16, 66, 0), (13, 20, 220)),  # multifidus
        Ellipsoid((80, 48, 0), (19, 13, 200), -0.5),  # quadratus lumborum
        Ellipsoid((44, 22, -15), (19, 24, 160), 0.25),  # psoas
        Ellipsoid((26, -88, 0), (29, 7, 300), 0.08),  # rectus abdominis
    )
    for muscle in muscles:
        canvas.paint_muscle(both_sides(muscle))


def _organs(canvas: Canvas) -> None:
    for middle, turn in (((84.0, 26.0, 44.0), 0.4), ((-86.0, 28.0, 36.0), -0.4)):
        canvas.paint(Ellipsoid(middle, (27, 31, 52), turn), _KIDNEY, wobble_mm=1.8)
        side = 1 if middle[0] > 0 else -1
        sinus = Ellipsoid((middle[0] - side * 10, middle[1] - 4, middle[2]), (12, 10, 30), turn)
        canvas.paint(sinus, PELVIC_FAT, wobble_mm=2.5)
        canvas.paint(Ellipsoid((middle[0] - side * 14, middle[1] - 5, middle[2] - 4), (6, 5, 14)), FLUID, wobble_mm=1.5)
    canvas.paint(Ellipsoid((-98, -22, 62), (42, 52, 58), 0.2), _LIVER, wobble_mm=2.0)
    canvas.paint(Ellipsoid((-52, -44, 52), (17, 20, 26)), FLUID, wobble_mm=1.5)

    tubes: tuple[tuple[tuple[Point, ...], float], ...] = (
        (((112, 22, -60), (116, 10, 0), (112, 14, 60)), 15.0),
        (((-108, 4, -60), (-112, -6, -20), (-104, 2, 12)), 22.0),
    )
    for points, radius in tubes:
        course = smooth_curve(points)
        canvas.paint(Wire(course, radius), _WALL, wobble_mm=3.0)
        canvas.paint(Wire(course, radius - 2.2), _STOOL, wobble_mm=3.0)
        top = tuple((x + 2, y - radius * 0.45, z) for x, y, z in course)
        canvas.paint(Wire(top, radius * 0.42), GAS, wobble_mm=3.0)
    colon = smooth_curve(((-90, -52, 30), (-40, -64, 4), (20, -66, -4), (80, -50, 26)))
    canvas.paint(Wire(colon, 16.0), _WALL, wobble_mm=3.0)
    canvas.paint(Wire(colon, 14.0), GAS, wobble_mm=3.0)
    level = Common((Wire(colon, 14.0), Block((0, -30, 0), (200, 28, 200))))
    canvas.paint(level, _CHYME, wobble_mm=3.0)
    for points, radius, content in _small_bowel():
        course = smooth_curve(points)
        canvas.paint(Wire(course, radius), _WALL, wobble_mm=2.5)
        canvas.paint(Wire(course, radius - 2.4), content, wobble_mm=2.5)


def _small_bowel() -> list[tuple[tuple[Point, ...], float, Tissue]]:
    return [
        (((-60, -40, -60), (-30, -56, -40), (-10, -34, -28), (-46, -22, -14)), 12.5, _CHYME),
        (((30, -60, -60), (56, -44, -34), (34, -28, -20), (62, -22, 4)), 12.0, _CHYME),
        (((-10, -62, -60), (4, -48, -44), (22, -40, -50)), 11.0, FLUID),
        (((70, -54, -60), (90, -34, -40), (84, -14, -16), (92, -28, 6)), 12.0, _CHYME),
        (((-84, -36, -62), (-72, -46, -36), (-70, -24, -30)), 11.5, _CHYME),
        (((10, -36, 30), (34, -44, 40), (58, -30, 58)), 12.0, _CHYME),
        (((-24, -40, 26), (0, -30, 14), (26, -30, 8)), 10.5, FLUID),
    ]


def _vessels(canvas: Canvas) -> None:
    aorta = Wire(smooth_curve(((10, -8, 70), (9, -9, 0), (7, -8, -50), (6, -6, -80))), 9.5)
    canvas.paint(Ellipsoid((-17, -7, 0), (13, 9.5, 260), 0.1), BLOOD, wobble_mm=1.2)
    canvas.paint(aorta, BLOOD, wobble_mm=0.8)
    for x, y, z, radii in (
        (17, -10, -30, (1.6, 5, 9)),
        (6, 0, -12, (5, 1.4, 7)),
        (13, -17, 20, (4, 1.5, 5)),
        (3, -1, 40, (3, 1.5, 6)),
    ):
        canvas.paint(Ellipsoid((x, y, z), radii, 0.1), _CALCIUM, wobble_mm=0.8)
    for x, y, z, end, radius in (
        (2, -24, 60, (-6, -40, -50), 4.2),
        (12, -24, 60, (10, -38, -50), 3.4),
        (20, -10, 30, (40, -30, -40), 2.4),
        (-30, -12, 20, (-50, -34, -10), 2.2),
        (56, 0, 10, (50, 4, -60), 2.4),
        (-54, 2, 10, (-48, 4, -60), 2.4),
    ):
        canvas.paint(Rod((x, y, z), end, radius), BLOOD, wobble_mm=1.5)
    for x, y, z in ((24, -18, -8), (-2, 2, 16), (30, -22, 12), (-34, -20, -22)):
        canvas.paint(ball((x, y, z), 3.2), BLOOD, wobble_mm=1.0)


def _body(z: float, half_width: float, half_depth: float, height: float) -> Solid:
    """Return a vertebral body or a disc: an elliptical column with a concave back, broader at both ends."""
    hollow = Rod((0, 43.0, z - 60), (0, 43.0, z + 60), 10.0)
    return Without(Column((0, 17, z), (half_width, half_depth), height, 2.3), (hollow,))


def _vertebra(canvas: Canvas, z: float) -> None:
    entry = PEDICLE_ENTRY
    canvas.paint(Ellipsoid((0, 43.5, z), (12.5, 10.0, 26)), FAT)
    canvas.paint(Ellipsoid((0, 42.5, z), (9.2, 7.6, 60)), _SAC, wobble_mm=0.6)
    arch = Union(
        (
            Rod((17, 28, z + 6), (21, 47, z + 6), 7.4, 7.0),  # pedicle
            Rod((21, 48, z + 4), (entry[0], entry[1] - 3, z + 2), 8.0, 7.0),  # articular mass
            Ellipsoid((22, 54, z + 15), (7.5, 8, 10), 0.5),  # upper facet
            Ellipsoid((17, 58, z - 15), (7, 7, 11), 0.5),  # lower facet
            Rod((18, 52, z + 1), (2, 63, z - 5), 5.0, 4.4),  # lamina
            Rod((24, 46, z + 5), (49, 48, z + 8), 5.0, 3.6),  # transverse process
        )
    )
    spine = Block((0, 77, z - 7), (3.8, 16, 10), rounding=3.0)
    canvas.paint_bone(
        Union((_body(z, 25.5, 18.0, 28.0), both_sides(arch), spine)),
        cortex_mm=1.1,
        inside=Tissue(165, TRABECULAR.grain_hu, 30),
        wobble_mm=0.7,
    )
    canvas.paint(Rod((0, 36, z), (0, 20, z + 1), 1.6), BLOOD)  # basivertebral vein
