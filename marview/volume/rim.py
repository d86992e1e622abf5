"""Find the rims of metal pieces, which may be much fainter than the pieces themselves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.volume.edges import EDGE_IN_SHADOW, USUAL_EDGE, EdgeRule, least_hu
from marview.volume.scale import Scale
from marview.volume.shadow import Shadow, shadow_of

_REACH_MM = 4.0
_FEWEST_PIXELS = 6
_TOUCH = np.ones((3, 3), bool)


@dataclass(frozen=True)
class _Search:
    """Limits of the search for a rim.

    Attributes:
        rule: rule for the lowest HU of a pixel in the rim.
        light: fraction of the absorption of the darkest ray nearby that a ray through the rim must reach.
        peak: multiple of the median of a piece; higher peaks do not raise the required HU of the rim.
        widths_px: smallest and largest mean width of an accepted rim. A thinner rim is the blur of an edge that is
            already correct, and a wider rim beside a long piece is blooming.
    """

    rule: EdgeRule
    light: float
    peak: float
    widths_px: tuple[float, float]


# Chosen on simulated fillings, stems and screws with a detector that averages photons over several rays. There, all
# wider rims of compact pieces were metal, and all thinner rims in the cases of benchmarks/segmentation.py were not.
_COMPACT = _Search(EDGE_IN_SHADOW, light=0.65, peak=np.inf, widths_px=(0.55, np.inf))
# The shadow of a screw also covers tissue beside it, so its rim must satisfy the usual rule. Photon starvation along a
# screw doubles the HU in its middle, which must not raise the required HU of its rim.
_LONG = _Search(USUAL_EDGE, light=0.5, peak=1.2, widths_px=(0.45, 0.75))
_LONGER_THAN_WIDE = 2.5
_COMPACT_SPREAD = 1.4
_LONG_SPREAD = 1.6


def with_rims(
    found: NDArray[np.bool_],
    image: NDArray[np.int16],
    spacing_mm: tuple[float, ...],
    scale: Scale,
    lowest_hu: float,
) -> NDArray[np.bool_]:
    """Add the rims of metal pieces to the metal mask of a slice, bool `[y, x]`.

    Args:
        found: metal found by its HU, bool `[y, x]`.
        image: HU, `[y, x]`, not clipped at the upper end.
        spacing_mm: distance between pixels along (y, x).
        scale: HU scale of the series.
        lowest_hu: lowest HU of a rim pixel.
    """
    labels, _ = ndimage.label(found, _TOUCH)
    room = [int(np.ceil(_REACH_MM / spacing)) for spacing in spacing_mm]
    result, shadow = found.copy(), None
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        search = _search_for(labels[box] == number)
        if search is None:
            continue
        shadow = shadow or shadow_of(image, found, spacing_mm)
        rows, columns = (
            slice(max(0, part.start - more), min(size, part.stop + more))
            for part, more, size in zip(box, room, image.shape, strict=True)
        )
        piece = labels[rows, columns] == number
        rim = _rim(piece, image[rows, columns], search, shadow, (rows, columns), spacing_mm, scale)
        rim &= image[rows, columns] >= lowest_hu
        whole = _touching(piece, rim)
        outline = int(np.count_nonzero(piece & ~ndimage.binary_erosion(piece)))
        width_px = (np.count_nonzero(whole) - np.count_nonzero(piece)) / max(1, outline)
        if search.widths_px[0] <= width_px <= search.widths_px[1]:
            result[rows, columns] |= whole
    return result


def _search_for(piece: NDArray[np.bool_]) -> _Search | None:
    """Return the search limits for the rim of a piece `[y, x]`; None if the piece does not fill its outline."""
    y, x = np.nonzero(piece)
    if len(y) < _FEWEST_PIXELS:
        return None
    variances = np.linalg.eigvalsh(np.cov(np.stack([y, x])) + np.eye(2) / 12)
    length = float(np.sqrt(variances[1] / variances[0]))
    spread = float(4 * np.pi * np.sqrt(variances[0] * variances[1]) / len(y))  # 1 for an ellipse
    if length < _LONGER_THAN_WIDE:
        return _COMPACT if spread < _COMPACT_SPREAD else None
    return _LONG if spread < _LONG_SPREAD else None


def _rim(
    piece: NDArray[np.bool_],
    image: NDArray[np.int16],
    search: _Search,
    shadow: Shadow,
    part: tuple[slice, slice],
    spacing_mm: tuple[float, ...],
    scale: Scale,
) -> NDArray[np.bool_]:
    """Return the dense pixels near a piece that lie in the shadow of the metal, bool `[y, x]`."""
    away = ndimage.distance_transform_edt(~piece, sampling=spacing_mm)
    highest = min(search.peak * float(np.median(image[piece])), float(image.max()))
    even = np.where(piece, np.minimum(image, highest), image).astype(np.int16)
    dense = image >= least_hu(even, spacing_mm, scale, search.rule)
    return np.asarray((away <= _REACH_MM) & dense & shadow.holds(*part, search.light))


def _touching(piece: NDArray[np.bool_], rim: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a piece with the part of a rim that is connected to it, bool `[y, x]`."""
    labels, _ = ndimage.label(piece | rim, _TOUCH)
    return np.isin(labels, np.unique(labels[piece]))
