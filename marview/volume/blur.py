"""Remove the blurred edge of metal; on a clipped HU scale, this edge looks like metal.

The edge of metal lies where the HU fall to half of the metal's own HU, but a clipped scale ends far
below this value. Therefore, some or all pixels of the outline are removed, depending on the piece and
its streaks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# All values were chosen on simulated hips, screws and fillings, clipped at 3071 HU, and on real sternal wires.
_DEEP_PX, _THICKER_THAN_WIRE_PX = 3.5, 2.2
_CLIPPED_SHARE = 0.25
"""Fraction of clipped pixels from which a piece counts as clipped; in sternal wires, it is below 0.1."""

_BLURRED_HU = 700
_SLOPE_HU, _SLOPE_PX = 2600, 0.75
_STREAKS_HU, _STREAKS_PX = 620, (3.0, 12.0)
"""Standard deviation of the HU near dense metal, and distance at which it is measured. Titanium has weaker streaks."""

_SMALL_MM2, _LONGER_THAN_WIDE = 80.0, 2.5
_FINE_MM, _COARSE_MM = 0.65, 0.9
_CORNERS, _STRAIGHT, _ALL = 6 / 9, 7 / 9, 8 / 9
"""Fraction of the 3 x 3 pixels around a pixel that must be metal for the pixel to stay. The first value removes the
corners and steps of an outline, the second also its straight parts, and the third everything except its notches."""

_ROUNDING = 0.01
_TOUCH = np.ones((3, 3), bool)


def without_blur(
    found: NDArray[np.bool_], image: NDArray[np.int16], spacing_mm: tuple[float, ...]
) -> NDArray[np.bool_]:
    """Remove the blurred edge of metal in a slice with a clipped HU scale.

    If the pixels are small, almost the whole outline of every piece is removed. Otherwise, this applies only
    to small compact pieces with streaks, such as fillings. Less is removed from other dense metal, and least
    from titanium or if the pixels are large. Three kinds of pieces always stay unchanged: thin pieces, such
    as wires; pieces with a sharp edge; and compact pieces around which the HU fall slowly, because photon
    starvation hides their real edge, which lies farther out.

    Args:
        found: metal including its blurred edge, bool `[y, x]`.
        image: HU, `[y, x]`.
        spacing_mm: distance between rows and between columns.

    Returns:
        Metal without its blurred edge, bool `[y, x]`.
    """
    labels, count = ndimage.label(found, _TOUCH)
    if not count:
        return found
    shares = np.zeros(count + 1, np.float32)
    is_steep = _is_steep(found, image, labels, count)
    throws_streaks = _throws_streaks(found, image, labels, count)
    is_blurred = _is_blurred(found, image, labels, count)
    for number in np.flatnonzero((_depths_px(found, labels, count) >= _DEEP_PX) & is_blurred):
        piece = labels == number
        if not (_length(piece) >= _LONGER_THAN_WIDE or is_steep[number]):
            continue
        is_small = _is_small(piece, spacing_mm)
        if max(spacing_mm) < _FINE_MM or (is_small and throws_streaks[number]):
            shares[number] = _ALL
        elif max(spacing_mm) < _COARSE_MM and throws_streaks[number]:
            shares[number] = _STRAIGHT
        else:
            shares[number] = _CORNERS
    metal_around = ndimage.uniform_filter(found.astype(np.float32), 3)
    return np.asarray(found & (metal_around > shares[labels] - _ROUNDING))


def pieces_for_network(
    found: NDArray[np.bool_], image: NDArray[np.int16], spacing_mm: tuple[float, ...], highest_hu: int
) -> NDArray[np.bool_]:
    """Return the clipped pieces with a blurred edge that are dense or large, bool `[y, x]`.

    Wires and small pieces without strong streaks are not among them. Arguments are the same as for
    `without_blur`; `highest_hu` is the upper end of the HU scale.
    """
    labels, count = ndimage.label(found, _TOUCH)
    if not count:
        return found
    areas_mm2 = np.bincount(labels.ravel(), minlength=count + 1) * float(np.prod(spacing_mm))
    is_dense = (areas_mm2 >= _SMALL_MM2) | _throws_streaks(found, image, labels, count)
    is_clipped = _means(image == highest_hu, labels, count) >= _CLIPPED_SHARE
    is_thick = _depths_px(found, labels, count) >= _THICKER_THAN_WIRE_PX
    return np.asarray((is_dense & is_clipped & is_thick & _is_blurred(found, image, labels, count))[labels])


def _is_small(piece: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> bool:
    """Return whether a piece `[y, x]` is as small and compact as a filling."""
    area_mm2 = np.count_nonzero(piece) * float(np.prod(spacing_mm))
    return bool(area_mm2 < _SMALL_MM2) and _length(piece) < _LONGER_THAN_WIDE


def _depths_px(found: NDArray[np.bool_], labels: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """Return the largest distance of a pixel of each piece from its edge, `[label]`."""
    inside_px = ndimage.distance_transform_edt(found)
    return np.asarray(ndimage.maximum(inside_px, labels, np.arange(count + 1)))


def _is_blurred(
    found: NDArray[np.bool_], image: NDArray[np.int16], labels: NDArray[np.int32], count: int
) -> NDArray[np.bool_]:
    """Return whether the HU just outside pieces show blurred metal, bool `[label]`; False for the background."""
    beside = ndimage.grey_dilation(labels, footprint=ndimage.generate_binary_structure(2, 1))
    is_blurred = _means(image, np.where(found, 0, beside), count) >= _BLURRED_HU
    is_blurred[0] = False
    return np.asarray(is_blurred)


def _is_steep(
    found: NDArray[np.bool_], image: NDArray[np.int16], labels: NDArray[np.int32], count: int
) -> NDArray[np.bool_]:
    """Return whether the HU fall steeply at the edge of pieces, bool `[label]`."""
    depth_px, (row, column) = ndimage.distance_transform_edt(found, return_indices=True)
    steps_px = ndimage.distance_transform_edt(image >= _SLOPE_HU)[row, column]
    return np.asarray(_means(steps_px, np.where(depth_px <= 1, labels, 0), count) <= _SLOPE_PX)


def _throws_streaks(
    found: NDArray[np.bool_], image: NDArray[np.int16], labels: NDArray[np.int32], count: int
) -> NDArray[np.bool_]:
    """Return whether the HU near pieces vary as much as near dense metal, bool `[label]`."""
    away_px, (row, column) = ndimage.distance_transform_edt(~found, return_indices=True)
    is_near = (away_px > _STREAKS_PX[0]) & (away_px <= _STREAKS_PX[1])
    near = np.where(is_near, labels[row, column], 0)
    values = image.astype(np.float64)
    variances = _means(values**2, near, count) - _means(values, near, count) ** 2
    return np.asarray(variances > _STREAKS_HU**2)


def _means(values: NDArray[Any], labels: NDArray[np.int32], count: int) -> NDArray[np.float64]:
    """Return the mean value of each label, `[label]`; 0 for a label without pixels."""
    pixels = np.bincount(labels.ravel(), minlength=count + 1)
    sums = np.bincount(labels.ravel(), values.ravel(), minlength=count + 1)
    return np.asarray(sums / np.maximum(pixels, 1))


def _length(piece: NDArray[np.bool_]) -> float:
    """Return the ratio of length and width of a piece `[y, x]`."""
    y, x = np.nonzero(piece)
    variances = np.linalg.eigvalsh(np.cov(np.stack([y, x])) + np.eye(2) / 12)
    return float(np.sqrt(variances[1] / variances[0]))
