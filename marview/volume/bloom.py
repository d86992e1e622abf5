"""Removes bloom and blur around dense metal, which look like metal on a clipped scale."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_GLOW_HU = 1200
_USUAL_PX = 1.0
_MOST_PX = 3.0
_WIDE_PX = 2.5
_LARGE_MM2 = 100.0

# Chosen on simulated hips, screws and fillings, clipped at 3071 HU.
_DEEP_PX = 3.5
_BLURRED_HU = 700
_SLOPE_HU, _SLOPE_PX = 2600, 0.75
_SMALL_MM2, _FINE_MM, _COMPACT = 80.0, 0.65, 2.5
_SOME, _ALL = 6 / 9, 8 / 9
_ROUNDING = 0.01
_TOUCH = np.ones((3, 3), bool)


def without_bloom(
    found: NDArray[np.bool_], image: NDArray[np.int16], spacing_mm: tuple[float, ...]
) -> NDArray[np.bool_]:
    """Remove bloom at the edges of metal in a clipped slice.

    Bloom fades slowly, so its part beyond the end of the scale is as wide as the bright rim above 1200 HU outside it.
    If that rim is 2.5 pixels wide on average, a piece loses a pixel less than its width, at most 3 pixels. Titanium has
    less bloom. Pieces below 100 mm2 are kept, because bright enamel surrounds fillings.

    Args:
        found: metal with its bloom, bool `[y, x]`.
        image: HU, `[y, x]`.
        spacing_mm: distance between rows and between columns.

    Returns:
        Metal without bloom, bool `[y, x]`.
    """
    labels, count = ndimage.label(found, np.ones((3, 3)))
    if not count:
        return found
    depth_px, (rows, columns) = ndimage.distance_transform_edt(found, return_indices=True)
    glow_px = np.where(found, 0, ndimage.distance_transform_edt(image >= _GLOW_HU))[rows, columns]
    numbers = np.arange(1, count + 1)
    widths = ndimage.mean(glow_px, np.where(depth_px <= 1, labels, 0), numbers)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:] * float(np.prod(spacing_mm))
    blooms = np.concatenate([[False], (np.asarray(widths) >= _WIDE_PX) & (areas >= _LARGE_MM2)])
    bloom_px = np.clip(glow_px - _USUAL_PX, 0, _MOST_PX)
    return np.asarray(found & ((depth_px > bloom_px) | ~blooms[labels]))


def without_blur(
    found: NDArray[np.bool_], image: NDArray[np.int16], spacing_mm: tuple[float, ...]
) -> NDArray[np.bool_]:
    """Remove the blurred edge of metal in a clipped slice.

    Metal ends where the HU are half of its own, but the scale ends far below that, where the blur begins. So pixels of
    the outline are removed: all of them in small compact pieces, such as fillings, and where pixels are small;
    elsewhere those at corners and steps. Thin pieces, such as wires, are kept. So are pieces around which the HU fall
    slowly: starvation hides their edge, which lies farther out.

    Args:
        found: metal with its blur, bool `[y, x]`.
        image: HU, `[y, x]`.
        spacing_mm: distance between rows and between columns.

    Returns:
        Metal without its blur, bool `[y, x]`.
    """
    labels, count = ndimage.label(found, _TOUCH)
    if not count:
        return found
    depth_px, (rows, columns) = ndimage.distance_transform_edt(found, return_indices=True)
    slope_px = ndimage.distance_transform_edt(image >= _SLOPE_HU)[rows, columns]
    rows_beside, columns_beside = ndimage.distance_transform_edt(~found, return_distances=False, return_indices=True)
    numbers = np.arange(1, count + 1)
    deepest = np.asarray(ndimage.maximum(depth_px, labels, numbers))
    slopes = np.asarray(ndimage.mean(slope_px, np.where(depth_px <= 1, labels, 0), numbers))
    shares = np.zeros(count + 1, np.float32)
    beside = np.where(~found & ndimage.binary_dilation(found), labels[rows_beside, columns_beside], 0)
    blurs = np.asarray(ndimage.mean(image, beside, numbers))
    for number in np.flatnonzero((deepest >= _DEEP_PX) & (slopes <= _SLOPE_PX) & (blurs >= _BLURRED_HU)) + 1:
        is_tooth = max(spacing_mm) < _FINE_MM or _is_small(labels == number, spacing_mm)
        shares[number] = _ALL if is_tooth else _SOME
    metal_around = ndimage.uniform_filter(found.astype(np.float32), 3)
    return np.asarray(found & (metal_around > shares[labels] - _ROUNDING))


def _is_small(piece: NDArray[np.bool_], spacing_mm: tuple[float, ...]) -> bool:
    """Return whether a piece `[y, x]` is small and compact."""
    y, x = np.nonzero(piece)
    if len(y) * float(np.prod(spacing_mm)) >= _SMALL_MM2:
        return False
    variances = np.linalg.eigvalsh(np.cov(np.stack([y, x])) + np.eye(2) / 12)
    return bool(variances[1] < _COMPACT**2 * variances[0])
