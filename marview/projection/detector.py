"""Compute the detector bin and the weight of each pixel, for backprojection and the metal trace.

If the views cover a full turn and a right angle is a whole number of view steps, rotating a square image
by a right angle only shifts its views by a quarter turn. The detector position of one pixel can then be
reused for four pixels.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.geometry import Beam, FanBeamFlat, ParallelBeam
from marview.projection.compiling import kernel
from marview.projection.simd import clip, load, multiply_add, product, quotient, root, split, spread, store, zeros_like

PATCH = 8  # edge, in pixels, of a patch whose bins of VIEWS views fit into the first-level cache
VIEWS = 8
ENTRIES = PATCH * PATCH * VIEWS
PARALLEL, FLAT, ARC = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Detector:
    """Description of a beam for the kernels.

    Attributes:
        kind: PARALLEL, FLAT or ARC.
        numbers: distance from source to isocentre in mm (0 for PARALLEL), bins per mm (per radian for ARC),
            bin of the central ray, edge of a pixel in mm.
        cosine: cosine of each view angle, `[view]`, followed by `VIEWS` unused entries, so that a block may
            start at any view.
        sine: sine of each view angle, padded in the same way.
        views: number of views.
        bins: number of bins.
        quarter: number of views in a right angle, negative for clockwise views; 0 if a right angle is not a
            whole number of views.
    """

    kind: int
    numbers: NDArray[Any]
    cosine: NDArray[Any]
    sine: NDArray[Any]
    views: int
    bins: int
    quarter: int

    def turns(self, shape: tuple[int, int]) -> int:
        """Number of pixels that share a computation because of rotational symmetry: 4 or 1."""
        return 4 if self.quarter and shape[0] == shape[1] and shape[0] % 2 == 0 else 1

    def region(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of the image region whose rotated copies form the whole image."""
        return (shape[0] // 2, shape[1] // 2) if self.turns(shape) == 4 else shape


@lru_cache(maxsize=16)
def detector(beam: Beam, pixel_mm: float, dtype: str) -> Detector:
    """Return the description of a beam, with arrays of type `dtype`.

    Bin 0 is the empty bin before each view.
    """
    if isinstance(beam, ParallelBeam):
        kind, distance, scale = PARALLEL, 0.0, 1 / beam.bin_mm
    elif isinstance(beam, FanBeamFlat):
        kind, distance = FLAT, beam.source_to_isocentre_mm
        scale = beam.source_to_detector_mm / beam.source_to_isocentre_mm / beam.bin_mm
    else:
        kind, distance, scale = ARC, beam.source_to_isocentre_mm, 1 / beam.bin_rad
    middle = (beam.bins - 1) / 2 - beam.bin_offset + 1
    angles = np.pad(beam.angles_rad, (0, VIEWS))
    numbers = np.array([distance, scale, middle, pixel_mm], dtype)
    whole = math.isclose(abs(beam.arc_rad), 2 * math.pi, rel_tol=1e-12) and beam.views % 4 == 0
    quarter = round(math.copysign(beam.views / 4, beam.arc_rad)) if whole else 0
    cosine, sine = np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)
    return Detector(kind, numbers, cosine, sine, beam.views, beam.bins, quarter)


@kernel
def _arctan(tangent):  # type: ignore[no-untyped-def]
    """Compute the arc tangent of a vector in [-1, 1] by a Chebyshev polynomial, with an error below 1e-8."""
    square = product(tangent, tangent)
    total = spread(0.00276628348, tangent)
    for coefficient in (-0.015731249, 0.0421376235, -0.0745685481, 0.106183706, -0.141977978, 0.19991872, -0.333330367,
                        0.999999982):  # fmt: skip
        total = multiply_add(total, square, spread(coefficient, tangent))
    return product(total, tangent)


@kernel
def locate(kind, numbers, cosine, sine, bins, x, y, view, low, table, entry):  # type: ignore[no-untyped-def]
    """Store the lower of the two bins nearest to a pixel, and the weights of both bins, for `VIEWS` views.

    The pixel is at (`x`, `y`) in mm, and the first view is `view`. The lower bins are stored in `low` and their
    weights in `table`, both from index `entry`. The weight of the upper bin is stored `ENTRIES` elements after the
    weight of the lower bin. The other arguments are fields of `Detector`.
    """
    real = numbers.dtype.type
    distance, scale, middle, most = numbers[0], numbers[1], numbers[2], real(bins + 1)
    c, s = load(cosine, np.uint64(view), VIEWS), load(sine, np.uint64(view), VIEWS)
    far = spread(distance, c)
    along, depth = multiply_add(c, x, multiply_add(s, y, zeros_like(c))), multiply_add(c, y, multiply_add(s, -x, far))
    if kind == PARALLEL:
        place, weight = along, spread(real(1), c)
    elif kind == FLAT:
        inverse = quotient(far, depth)
        place, weight = product(along, inverse), product(inverse, inverse)
    else:  # use half of the angle, because its tangent is below 1
        square = multiply_add(along, along, product(depth, depth))
        half = quotient(along, multiply_add(root(square), real(1), depth))
        place, weight = multiply_add(_arctan(half), real(2), zeros_like(c)), quotient(product(far, far), square)
    place = multiply_add(place, scale, spread(middle, c))
    # Beyond the end of the detector, `split` limits the lower bin, so the upper bin has all the weight.
    upper = product(split(low, np.uint64(entry), clip(place, real(0), most), bins), weight)
    store(table, np.uint64(entry), multiply_add(upper, real(-1), weight))
    store(table, np.uint64(entry + ENTRIES), upper)


@kernel
def locate_patch(kind, numbers, cosine, sine, bins, rows, columns, size, view, low, table):  # type: ignore[no-untyped-def]
    """Apply `locate` to all pixels of a patch; `rows` and `columns` are its ranges in an image of `size` (y, x)."""
    real = numbers.dtype.type
    pixel, entry = numbers[3], 0
    for row in range(rows[0], rows[1]):
        y = (real(row) - real(size[0] - 1) / real(2)) * pixel
        for column in range(columns[0], columns[1]):
            x = (real(column) - real(size[1] - 1) / real(2)) * pixel
            locate(kind, numbers, cosine, sine, bins, x, y, view, low, table, entry)
            entry += VIEWS
