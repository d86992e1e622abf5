"""Find the edge of metal on a clipped HU scale, where blur, blooming and bright streaks look like metal."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.volume.bloom import without_bloom
from marview.volume.blur import pieces_for_network, without_blur
from marview.volume.edge_network import FARTHEST_PX, WEIGHTS, recognised

_DEEP_PX = 4
_PIXELS_MM, _MOST_UNEQUAL = (0.4, 1.15), 1.05
_HIGHEST_HU = 3100
"""Highest end of the scale for which the network is used; it was trained with 3071 HU."""

_HOLES = 0.2
"""Largest area of a hole that is filled, as a fraction of the piece with its holes."""

_LARGE_MM2, _LEAST_LEFT = 300.0, 0.1
"""The rules are used for pieces from this area on in which the network leaves less than this fraction of the metal that
the rules leave. Photon starvation can make the inside of such pieces look like tissue. Smaller pieces can consist
mostly of blur or streaks, so the network may leave little of them, unless nothing would be left in the slice."""


def with_clipped_edges(
    found: NDArray[np.bool_],
    image: NDArray[np.int16],
    spacing_mm: tuple[float, ...],
    highest_hu: int,
    weights: Path = WEIGHTS,
) -> NDArray[np.bool_]:
    """Replace the metal edges found by thresholding.

    A network recognises the edges of clipped pieces, unless they are small and have no strong streaks. Rules
    remove blooming and blur from other pieces, such as titanium fillings and wires. The rules are also used
    where the network leaves hardly any metal, and for all pieces if the pixels differ from those in the
    network's training data or the HU scale ends above 3100 HU.

    Args:
        found: metal including its blurred edge, bool `[y, x]`.
        image: HU, `[y, x]`.
        spacing_mm: distance between rows and between columns.
        highest_hu: upper end of the HU scale.
        weights: file of the network's weights.

    Returns:
        Metal with its new edges, bool `[y, x]`.
    """
    if not found.any():
        return found
    by_rules = with_edges_of_rules(found, image, spacing_mm, highest_hu)
    if not _is_like_training(spacing_mm, highest_hu):
        return by_rules
    pieces = pieces_for_network(found, image, spacing_mm, highest_hu)
    if not pieces.any():
        return by_rules
    metal = recognised(pieces, image, found, by_rules, weights)
    metal = _without_holes(metal, found & (image == highest_hu))
    is_lost = _lost(pieces, by_rules, metal, float(np.prod(spacing_mm)))
    chosen = pieces & ~is_lost
    if not (metal & chosen).any() and not (by_rules & ~chosen).any():
        return by_rules
    nearby = ndimage.binary_dilation(chosen, iterations=FARTHEST_PX) & (chosen | ~found)
    return np.where(nearby, metal, by_rules)


def with_edges_of_rules(
    found: NDArray[np.bool_], image: NDArray[np.int16], spacing_mm: tuple[float, ...], highest_hu: int
) -> NDArray[np.bool_]:
    """Remove blooming and blur from metal by rules alone; arguments and result as for `with_clipped_edges`."""
    metal = found & _plateau_where_deep(found, image == highest_hu)
    metal &= without_bloom(metal, image, spacing_mm)
    return np.asarray(metal & without_blur(metal, image, spacing_mm))


def _is_like_training(spacing_mm: tuple[float, ...], highest_hu: int) -> bool:
    """Return whether pixels and scale are like those in the training of the network."""
    smallest, largest = min(spacing_mm), max(spacing_mm)
    is_square = largest <= _MOST_UNEQUAL * smallest
    return is_square and smallest >= _PIXELS_MM[0] and largest <= _PIXELS_MM[1] and highest_hu <= _HIGHEST_HU


def _lost(
    pieces: NDArray[np.bool_], by_rules: NDArray[np.bool_], metal: NDArray[np.bool_], pixel_mm2: float
) -> NDArray[np.bool_]:
    """Return the large pieces, bool `[y, x]`, where the network leaves little of the metal that the rules leave."""
    labels, count = ndimage.label(pieces, np.ones((3, 3)))
    numbers = np.arange(count + 1)
    parts = (metal & by_rules, by_rules, pieces)
    left, before, size = (np.asarray(ndimage.sum(each, labels, numbers)) for each in parts)
    is_lost = (left < _LEAST_LEFT * before) & (size * pixel_mm2 >= _LARGE_MM2)
    return np.asarray(is_lost[labels] & pieces)


def _without_holes(metal: NDArray[np.bool_], clipped: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill small clipped holes, `[y, x]`: photon starvation makes them, and larger ones can be teeth inside crowns."""
    filled = ndimage.binary_fill_holes(metal)
    holes, count = ndimage.label(filled & ~metal)
    pieces, _ = ndimage.label(filled, np.ones((3, 3)))
    around = ndimage.maximum(pieces, holes, np.arange(count + 1))
    is_small = np.bincount(holes.ravel()) <= _HOLES * np.bincount(pieces.ravel())[around]
    is_small[0] = False
    return np.asarray(metal | (clipped & is_small[holes]))


def _plateau_where_deep(found: NDArray[np.bool_], plateau: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Limit possible metal, `[y, x]`: in thick metal, only clipped pixels and pixels that they enclose count.

    A wide plateau hides a peak far above the scale, so half of the peak, where the edge is, also exceeds the scale.
    """
    deep = ndimage.distance_transform_edt(found) >= _DEEP_PX
    if not deep.any():
        return np.ones_like(found)
    is_near = ndimage.distance_transform_edt(~deep) <= _DEEP_PX + 1
    # closed by a pixel, so that a notch in the rim does not open a hole of photon starvation
    closed = ndimage.binary_closing(np.pad(found & plateau, 2), np.ones((3, 3)))[2:-2, 2:-2]
    return np.asarray(~is_near | ndimage.binary_fill_holes(closed))
