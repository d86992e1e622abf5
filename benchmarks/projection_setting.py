"""Geometries and test images of the projection benchmark."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.geometry import Beam, FanBeamArc, FanBeamFlat
from marview.projection import Projector
from marview.projection.rays import origins_and_directions

PIXEL_MM, DISTANCE_MM = 0.36923, 396.9


@dataclass(frozen=True)
class Setting:
    """Scan geometry of the table, with an arc detector and with a flat detector for the same fan."""

    name: str
    size: int
    arc: FanBeamArc
    flat: FanBeamFlat

    def projector(self, beam: Beam) -> Projector:
        """Return a projector for this setting's image."""
        return Projector(beam, shape=(self.size, self.size), pixel_mm=PIXEL_MM)


def _setting(name: str, size: int, views: int, bins: int, fan_rad: float) -> Setting:
    half = math.tan(fan_rad / 2) * 2 * DISTANCE_MM
    return Setting(
        name, size,
        FanBeamArc(views=views, bins=bins, source_to_isocentre_mm=DISTANCE_MM, bin_rad=fan_rad / bins),
        FanBeamFlat(
            views=views, bins=bins, source_to_isocentre_mm=DISTANCE_MM, source_to_detector_mm=2 * DISTANCE_MM,
            bin_mm=2 * half / bins,
        ),
    )  # fmt: skip


SETTINGS = {
    "a": _setting("a", 416, 640, 641, math.radians(32.05)),
    "b": _setting("b", 416, 320, 321, math.radians(32.1)),
    "c": _setting("c", 512, 1000, 900, 0.55),
}


def ellipses(setting: Setting, beam: Beam) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make twelve ellipses in 1/cm: a supersampled image `[y, x]` and the exact line integrals `[view, bin]`."""
    random = np.random.default_rng(7)
    radius = setting.size * PIXEL_MM / 2
    fine = 6
    grid = ((np.arange(setting.size * fine) + 0.5) / fine - setting.size / 2) * PIXEL_MM
    image = np.zeros((setting.size * fine, setting.size * fine), np.float32)
    origin, direction = origins_and_directions(beam)
    direction = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    sinogram = np.zeros(direction.shape[:2])
    for index in range(12):
        wide, high = random.uniform(0.05, 0.3, 2) * radius if index else (0.85 * radius, 0.7 * radius)
        x, y = random.uniform(-0.45, 0.45, 2) * radius if index else (0.0, 0.0)
        turn, value = random.uniform(0, math.pi), random.uniform(-0.05, 0.15) if index else 0.2
        c, s = math.cos(turn), math.sin(turn)
        across, down = grid[None] - x, grid[:, None] - y
        image += value * (((across * c + down * s) / wide) ** 2 + ((down * c - across * s) / high) ** 2 < 1)
        start = np.stack([((origin - [x, y]) @ [c, s]) / wide, ((origin - [x, y]) @ [-s, c]) / high])
        along = np.stack([(direction @ [c, s]) / wide, (direction @ [-s, c]) / high])
        a, b, d = (along**2).sum(0), (start * along).sum(0), (start**2).sum(0) - 1
        sinogram += value * 2 * np.sqrt(np.maximum(b**2 - a * d, 0)) / a / 10
    blocks = image.reshape(setting.size, fine, setting.size, fine)
    return blocks.mean(axis=(1, 3), dtype=np.float64), sinogram
