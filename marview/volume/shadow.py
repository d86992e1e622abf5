"""Finds the rim of dense metal by its shadow, the loss of light along rays.

A detector averages light. Beside dense metal there is little light to average, so the attenuation rises over several
pixels, and the image shows a rim far below the HU of the metal. In terms of light the edge is sharp: a ray that lost
half of its light grazes the metal. Rays are integrated through the image, because its sinogram is unknown.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_MU_WATER_PER_MM = 0.0193
_AIR_HU = -1000
_LOWEST_HU = -5000
_ANGLES = 60
_BESIDE_PX = 6
_WIDEST_PX = 12
_SHARE_OF_VIEWS = 0.95

_Bins = tuple[NDArray[np.int32], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Shadow:
    """The light that rays through a slice lose to its metal.

    Attributes:
        shape: rows and columns of the slice.
        lost: share of the light that the metal takes, up to 1, `[angle, bin]`; a bin is one pixel wide.
    """

    shape: tuple[int, int]
    lost: NDArray[np.float32]

    def holds(self, rows: slice, columns: slice, share: float) -> NDArray[np.bool_]:
        """Pixels whose rays all, but for one in twenty, lie in the shadow, bool `[y, x]`.

        Args:
            rows: part of the slice.
            columns: part of the slice.
            share: a ray lies in the shadow if it loses this share of what the darkest ray near it loses.
        """
        darkest = ndimage.maximum_filter1d(self.lost, 2 * _WIDEST_PX + 1, axis=1)
        inside = self.lost - np.float32(share) * darkest
        y, x = np.arange(rows.start, rows.stop)[:, None], np.arange(columns.start, columns.stop)[None]
        views = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.int32)
        for values, (bins, weights) in zip(inside, _bins(y, x, self.shape), strict=True):
            views += values[bins] * (1 - weights) + values[bins + 1] * weights >= 0
        return np.asarray(views >= _SHARE_OF_VIEWS * _ANGLES)


def shadow_of(image: NDArray[np.int16], found: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> Shadow:
    """The shadow of the metal in a slice: its line integrals above those beside the trace of what was found.

    Args:
        image: HU, `[y, x]`.
        found: metal found so far, bool `[y, x]`; its trace hides the tissue behind it.
        spacing_mm: distance between pixels along (y, x).
    """
    above_air = np.clip(image, _LOWEST_HU, None).astype(np.float32) - _AIR_HU
    rows, columns = np.nonzero(above_air)
    values = above_air[rows, columns] * np.float32(_MU_WATER_PER_MM / -_AIR_HU)
    width = _width(found.shape)
    along = [np.hypot(np.sin(angle) * spacing_mm[1], np.cos(angle) * spacing_mm[0]) for angle in _angles()]
    lost = np.empty((_ANGLES, width), np.float32)
    places = np.arange(width)
    metal_rows, metal_columns = np.nonzero(found)
    of_tissue, of_found = _bins(rows, columns, found.shape), _bins(metal_rows, metal_columns, found.shape)
    for view, ((bins, weights), (of_metal, _)) in enumerate(zip(of_tissue, of_found, strict=True)):
        second = values * weights
        integrals = np.bincount(bins, values - second, width) + np.bincount(bins + 1, second, width)
        beside = np.ones(width, bool)
        beside[of_metal] = beside[of_metal + 1] = False
        beside = ndimage.binary_erosion(beside, np.ones(2 * _BESIDE_PX + 1), border_value=1)
        smooth = ndimage.uniform_filter1d(integrals, 3)
        excess = integrals - np.interp(places, places[beside], smooth[beside])
        lost[view] = 1 - np.exp(-excess * along[view])
    return Shadow((found.shape[0], found.shape[1]), lost)


def _angles() -> NDArray[np.float64]:
    return np.arange(_ANGLES) * np.pi / _ANGLES


def _width(shape: tuple[int, ...]) -> int:
    """Bins of a view: the diagonal, and room for what lies beside metal in a corner."""
    return int(np.hypot(shape[0], shape[1])) + 2 * (_BESIDE_PX + 4)


def _bins(y: NDArray[np.int64], x: NDArray[np.int64], shape: tuple[int, ...]) -> Iterator[_Bins]:
    """The bin to the left of each pixel and the weight of the one to its right, angle by angle."""
    down = (y - (shape[0] - 1) / 2).astype(np.float32)
    across = (x - (shape[1] - 1) / 2).astype(np.float32)
    middle = np.float32(_width(shape) / 2)
    for angle in _angles():
        places = across * np.float32(np.cos(angle)) + down * np.float32(np.sin(angle)) + middle
        bins = places.astype(np.int32)
        yield bins, places - bins
