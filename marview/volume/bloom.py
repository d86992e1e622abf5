"""Remove blooming around large, dense metal; on a clipped HU scale, blooming looks like metal."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_GLOW_HU = 1200
_USUAL_PX = 1.0
_MOST_PX = 3.0
_WIDE_PX = 2.5
_LARGE_MM2 = 100.0


def without_bloom(
    found: NDArray[np.bool_], image: NDArray[np.int16], spacing_mm: tuple[float, ...]
) -> NDArray[np.bool_]:
    """Remove blooming at the edges of metal in a slice with a clipped HU scale.

    Blooming fades slowly, so its clipped part is about as wide as the bright rim above 1200 HU around the
    clipped pixels. A piece of metal with a rim at least 2.5 pixels wide on average is shrunk by the rim
    width minus one pixel, but by at most 3 pixels. Titanium blooms less, so its rim is narrower. Pieces
    smaller than 100 mm2 stay unchanged, because fillings are surrounded by bright enamel.

    Args:
        found: metal including blooming, bool `[y, x]`.
        image: HU, `[y, x]`.
        spacing_mm: distance between rows and between columns.

    Returns:
        Metal without blooming, bool `[y, x]`.
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
