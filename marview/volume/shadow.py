"""Compute the shadow of metal (the fraction of photons absorbed along each ray) to find faint rims.

A detector averages photons over neighbouring rays. Near dense metal, few photons arrive, so the
attenuation increases over several pixels, and the image has a rim with HU far below the metal's HU.
The number of photons has a sharp edge, however: a ray that has lost half of its photons grazes the
surface of the metal. The rays are computed by projecting the image, because its sinogram is unknown.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.volume.rays import angles, bins, integrals, width

MU_WATER_PER_MM = 0.0193
_AIR_HU = -1000
_LOWEST_HU = -5000
_ANGLES = 60
_BESIDE_PX = 6
_WIDEST_PX = 12
_SHARE_OF_VIEWS = 0.95


@dataclass(frozen=True, eq=False)
class Shadow:
    """Fraction of photons that the metal in a slice absorbs on each ray.

    Attributes:
        shape: rows and columns of the slice.
        lost: fraction of absorbed photons, at most 1, `[angle, bin]`; a bin is one pixel wide.
    """

    shape: tuple[int, int]
    lost: NDArray[np.float32]

    def holds(self, rows: slice, columns: slice, share: float) -> NDArray[np.bool_]:
        """Return the pixels with at least 95 % of their rays in the shadow, bool `[y, x]`.

        Args:
            rows: range of rows.
            columns: range of columns.
            share: minimum absorption of a ray in the shadow, as a fraction of the absorption on the darkest
                nearby ray.
        """
        darkest = ndimage.maximum_filter1d(self.lost, 2 * _WIDEST_PX + 1, axis=1)
        inside = self.lost - np.float32(share) * darkest
        y, x = np.arange(rows.start, rows.stop)[:, None], np.arange(columns.start, columns.stop)[None]
        views = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.int32)
        for values, (left, weights) in zip(inside, bins(y, x, self.shape, _ANGLES), strict=True):
            views += values[left] * (1 - weights) + values[left + 1] * weights >= 0
        return np.asarray(views >= _SHARE_OF_VIEWS * _ANGLES)


def shadow_of(image: NDArray[np.int16], found: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> Shadow:
    """Compute the shadow of the metal in a slice from its line integrals after subtracting the tissue.

    Args:
        image: HU, `[y, x]`.
        found: metal found so far, bool `[y, x]`; the line integrals of the tissue are interpolated across
            its trace.
        spacing_mm: distance between pixels along (y, x).
    """
    shape = (found.shape[0], found.shape[1])
    through = line_integrals(image, spacing_mm, _ANGLES)
    places, lost = np.arange(width(shape)), np.empty_like(through)
    y, x = np.nonzero(found)
    for view, (left, _) in enumerate(bins(y, x, shape, _ANGLES)):
        beside = np.ones(len(places), bool)
        beside[left] = beside[left + 1] = False
        beside = ndimage.binary_erosion(beside, np.ones(2 * _BESIDE_PX + 1), border_value=1)
        smooth = ndimage.uniform_filter1d(through[view], 3)
        lost[view] = 1 - np.exp(np.interp(places, places[beside], smooth[beside]) - through[view])
    return Shadow(shape, lost)


def line_integrals(image: NDArray[np.int16], spacing_mm: tuple[float, ...], count: int) -> NDArray[np.float32]:
    """Compute the line integrals of a slice's attenuation, `[angle, bin]`.

    Args:
        image: HU, `[y, x]`.
        spacing_mm: distance between pixels along (y, x).
        count: number of angles.
    """
    above_air = np.clip(image, _LOWEST_HU, None).astype(np.float32) - _AIR_HU
    y, x = np.nonzero(above_air)
    values = above_air[y, x] * np.float32(MU_WATER_PER_MM / -_AIR_HU)
    return integrals(values, y, x, image.shape, count) * along_mm(spacing_mm, count)[:, None]


def along_mm(spacing_mm: tuple[float, ...], count: int) -> NDArray[np.float32]:
    """Return the length in mm of a ray's path through one pixel, at each angle.

    Arguments are the same as for `line_integrals`.
    """
    turns = angles(count)
    return np.hypot(np.sin(turns) * spacing_mm[1], np.cos(turns) * spacing_mm[0]).astype(np.float32)
