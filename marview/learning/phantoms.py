"""Phantom slices of pelvis, spine and jaw, because few real metal-free slices of these regions exist."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from marview.physics.anatomy.canvas import Canvas
from marview.physics.anatomy.jaw import paint_jaw
from marview.physics.anatomy.lumbar import paint_lumbar
from marview.physics.anatomy.pelvis import paint_pelvis

_BODIES = 12
"""Number of painted bodies in a training run. They are cached, because painting one takes a second."""

_FIRST_SEED = 1000
"""First seed of training bodies; the demo studies use smaller seeds, so they are not part of the training data."""

_LEVELS, _SIZE = 6, 416
_PAINTERS = ((paint_pelvis, 400.0, 90.0), (paint_lumbar, 400.0, 90.0), (paint_jaw, 240.0, 40.0))
"""Function that paints a region, width of the slice and height of the painted body, in mm."""

REGIONS = ("pelvis", "spine", "jaw")
"""Names of the painted regions, in the order of the painters."""


def draw_phantom(rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a random phantom slice, float32 HU `[y, x]`, at least -1000."""
    levels = _levels(int(rng.integers(_BODIES)))
    return np.asarray(levels[rng.integers(len(levels))], dtype=np.float32)


def draw_region(region: str, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a phantom slice of one of the body regions in `REGIONS`, float32 HU `[y, x]`, at least -1000."""
    kind = REGIONS.index(region)
    levels = _levels(kind + len(REGIONS) * int(rng.integers(_BODIES // len(REGIONS))))
    return np.asarray(levels[rng.integers(len(levels))], dtype=np.float32)


@lru_cache(maxsize=_BODIES)
def _levels(number: int) -> NDArray[np.int16]:
    """Paint the slices of one body, int16 HU `[level, y, x]`."""
    paint, width_mm, height_mm = _PAINTERS[number % len(_PAINTERS)]
    pixel_mm = width_mm / _SIZE
    canvas = Canvas((_LEVELS, _SIZE, _SIZE), (height_mm / _LEVELS, pixel_mm, pixel_mm), _FIRST_SEED + number)
    paint(canvas)
    return np.rint(canvas.hu).clip(-1000, 32767).astype(np.int16)
