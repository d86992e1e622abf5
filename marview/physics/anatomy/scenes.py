"""The scenes of the demo studies: body, implants and scan settings."""

from collections.abc import Callable
from dataclasses import dataclass

from marview.errors import UsageError
from marview.physics.anatomy.canvas import Canvas
from marview.physics.anatomy.jaw import LOWER_CROWN_MM, TEETH, UPPER_CROWN_MM, paint_jaw
from marview.physics.anatomy.lumbar import LEVELS_MM, PEDICLE_ENTRY, PEDICLE_TARGET, paint_lumbar
from marview.physics.anatomy.pelvis import HEAD_MIDDLE, SHAFT_BOTTOM, SHAFT_TOP, paint_pelvis
from marview.physics.implants import Implant
from marview.physics.implants.dental import crown, filling
from marview.physics.implants.hip import hip
from marview.physics.implants.spine import pedicle_screws
from marview.physics.shapes import Point

TWELVE_BIT_HU = 3071
"""Upper end of the HU scale of 12-bit scanners."""

EXTENDED_HU = 30710
"""Upper end of the extended HU scale that some scanners offer for metal."""


@dataclass(frozen=True)
class Scene:
    """Body, implants and scan settings of a demo study.

    Attributes:
        painter: function that paints the body.
        spacing_mm: spacing of the voxels, (z, y, x).
        implants: implants in the body.
        photons: number of photons per ray in air.
        filter: reconstruction filter.
        highest_hu: upper end of the scanner's HU scale, where metal is clipped.
    """

    painter: Callable[[Canvas], None]
    spacing_mm: tuple[float, float, float]
    implants: tuple[Implant, ...]
    photons: float
    filter: str
    highest_hu: int = TWELVE_BIT_HU

    def paint(self, seed: int) -> Canvas:
        """Paint the body without metal."""
        canvas = Canvas((40, 512, 512), self.spacing_mm, seed)
        self.painter(canvas)
        return canvas


def scene(kind: str) -> Scene:
    """Return the scene of a demo study.

    Raises:
        UsageError: there is no such demo study.
    """
    kinds = {"hip": _hip, "spine": _spine, "dental": _dental}
    if kind not in kinds:
        raise UsageError(f"There is no demo study {kind!r}. Choose one of {', '.join(kinds)}.")
    return kinds[kind]()


def _mirrored(point: Point) -> Point:
    return -point[0], point[1], point[2]


def _hip() -> Scene:
    left = hip(HEAD_MIDDLE, SHAFT_TOP, SHAFT_BOTTOM)
    right = hip(_mirrored(HEAD_MIDDLE), _mirrored(SHAFT_TOP), _mirrored(SHAFT_BOTTOM))
    return Scene(paint_pelvis, (2.5, 0.78125, 0.78125), (left, right), 4e6, "hann")


def _spine() -> Scene:
    def at(point: Point, level_mm: float) -> Point:
        return point[0], point[1], point[2] + level_mm

    left = tuple((at(PEDICLE_ENTRY, level), at(PEDICLE_TARGET, level)) for level in LEVELS_MM)
    right = tuple((_mirrored(entry), _mirrored(target)) for entry, target in left)
    return Scene(paint_lumbar, (2.5, 0.78125, 0.78125), (pedicle_screws(left), pedicle_screws(right)), 4e6, "hann")


def _dental() -> Scene:
    first, second, premolar = TEETH[5], TEETH[6], TEETH[4]
    lower, upper = LOWER_CROWN_MM[1] - 1.6, UPPER_CROWN_MM[0] + 1.6
    implants = (
        filling((first.x, first.y, lower)),
        filling((-first.x, first.y, lower), width_mm=6.0),
        filling((-second.x, second.y, lower), width_mm=4.0, depth_mm=4.0),
        filling((first.x, first.y, upper), width_mm=4.5),
        filling((-premolar.x, premolar.y, upper), width_mm=3.5, depth_mm=4.5),
        crown((second.x, second.y, (LOWER_CROWN_MM[0] + LOWER_CROWN_MM[1]) / 2), depth_mm=10.8, width_mm=9.6),
    )
    return Scene(paint_jaw, (1.25, 0.46875, 0.46875), implants, 4e6, "hann", EXTENDED_HU)
