"""Phantom slices of pelvis, spine and jaw, because few real metal-free slices of these regions exist."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from marview.physics.anatomy.canvas import Canvas
from marview.physics.anatomy.jaw import paint_jaw
from marview.physics.anatomy.lumbar import paint_lumbar
from marview.physics.anatomy.pelvis import paint_pelvis

_BODIES = 12
"""Usual number of painted bodies in a training run. Bodies are cached, because painting one takes a second."""

_FIRST_SEED = 1000
"""First seed of training bodies; the demo studies use smaller seeds, so they are not part of the training data."""

_LEVELS, _SIZE = 6, 416
_HEIGHTS = (0.4, 1.0)
"""Range of the factor on the height of additional bodies, so that their slices lie at different levels."""

_PAINTERS = ((paint_pelvis, 400.0, 90.0), (paint_lumbar, 400.0, 90.0), (paint_jaw, 240.0, 40.0))
"""Function that paints a region, width of the slice and height of the painted body, in mm."""

REGIONS = ("pelvis", "spine", "jaw")
"""Names of the painted regions, in the order of the painters."""


def draw_phantom(rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a random phantom slice, float32 HU `[y, x]`, at least -1000."""
    levels = _levels(int(rng.integers(_BODIES)))
    return np.asarray(levels[rng.integers(len(levels))], dtype=np.float32)


def draw_region(
    region: str, rng: np.random.Generator, *, bodies: int = _BODIES // len(_PAINTERS)
) -> NDArray[np.float32]:
    """Draw a phantom slice of a body region.

    Args:
        region: one of `REGIONS`.
        rng: random generator.
        bodies: number of different bodies to draw from.

    Returns:
        Slice in HU, float32 `[y, x]`, at least -1000.
    """
    levels = _levels(REGIONS.index(region) + len(REGIONS) * int(rng.integers(bodies)))
    return np.asarray(levels[rng.integers(len(levels))], dtype=np.float32)


@cache
def _levels(number: int) -> NDArray[np.int16]:
    """Paint the slices of a body, int16 HU `[level, y, x]`; additional bodies are painted at other levels."""
    paint, width_mm, height_mm = _PAINTERS[number % len(_PAINTERS)]
    pixel_mm, seed = width_mm / _SIZE, _FIRST_SEED + number
    if number >= _BODIES:
        height_mm *= float(np.random.default_rng(seed).uniform(*_HEIGHTS))
    canvas = Canvas((_LEVELS, _SIZE, _SIZE), (height_mm / _LEVELS, pixel_mm, pixel_mm), seed)
    paint(canvas)
    return np.rint(canvas.hu).clip(-1000, 32767).astype(np.int16)
