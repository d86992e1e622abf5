"""The demo studies: which body, which implants, which scan."""

from collections.abc import Callable
from dataclasses import dataclass

from marview.errors import UsageError
from marview.physics.anatomy.canvas import Canvas
from marview.physics.anatomy.pelvis import HEAD_MIDDLE, SHAFT_BOTTOM, SHAFT_TOP, paint_pelvis
from marview.physics.implants import Implant
from marview.physics.implants.hip import hip
from marview.physics.shapes import Point


@dataclass(frozen=True)
class Scene:
    """A body with implants in front of a scanner.

    Attributes:
        painter: paints the body.
        spacing_mm: of the voxels, (z, y, x).
        implants: what is in it.
        photons: per ray in air.
        filter: of the reconstruction.
    """

    painter: Callable[[Canvas], None]
    spacing_mm: tuple[float, float, float]
    implants: tuple[Implant, ...]
    photons: float
    filter: str

    def paint(self, seed: int) -> Canvas:
        """The body without metal."""
        canvas = Canvas((40, 512, 512), self.spacing_mm, seed)
        self.painter(canvas)
        return canvas


def scene(kind: str) -> Scene:
    """The scene of a kind.

    Raises:
        UsageError: no such kind.
    """
    kinds = {"hip": _hip}
    if kind not in kinds:
        raise UsageError(f"there is no demo study {kind!r}: choose one of {', '.join(kinds)}.")
    return kinds[kind]()


def _hip() -> Scene:
    def mirrored(point: Point) -> Point:
        return -point[0], point[1], point[2]

    left = hip(HEAD_MIDDLE, SHAFT_TOP, SHAFT_BOTTOM)
    right = hip(mirrored(HEAD_MIDDLE), mirrored(SHAFT_TOP), mirrored(SHAFT_BOTTOM))
    return Scene(paint_pelvis, (2.5, 0.78125, 0.78125), (left, right), 4e6, "hann")
