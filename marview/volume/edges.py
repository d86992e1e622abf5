"""Compute the lowest HU at which a pixel counts as metal, based on the surrounding pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.volume.scale import Scale

FARTHEST_MM = 40.0
"""Largest distance from a pixel that the rules consider."""

_EDGE_MM = 2.0
_FOG_MM = 4.0
_FOG_HU = 600
_MOST_FOG = 0.5


@dataclass(frozen=True)
class EdgeRule:
    """Rule for the edge of metal.

    Attributes:
        shares: triples: distance in mm, required fraction of the highest HU within this distance, and HU
            value that is always sufficient.
        above_fog: level of the edge on a scale from 0, the HU of the surroundings (raised by beam
            hardening), to 1, the HU of the densest pixel.
        share_beside: required fraction of the highest HU among the eight neighbouring pixels.
    """

    shares: tuple[tuple[float, float, float], ...]
    above_fog: float
    share_beside: float = 0.0


# An edge of metal is at half of its HU; streaks become weaker with distance. No streak of the simulated fillings,
# screws and stems exceeds these HU, except those of tantalum screws, so a denser pixel belongs to a second piece of
# metal, such as a crown beside amalgam. Beside long dense metal, beam hardening raises tissue to the HU of bone, and
# the edge must be above this level. Where even the lowest pixel nearby exceeds half of the densest, there is no edge,
# only the noise of thick metal. The value 0.75 was chosen on simulated screws: 0.6 left two pixels too many around
# steel and cobalt.
USUAL_EDGE = EdgeRule(((3.0, 0.5, np.inf), (6.0, 0.4, 12000.0), (12.0, 0.3, 11000.0), (FARTHEST_MM, 0.2, 7000.0)), 0.75)

# The test of the rays has already excluded streaks here, so a rim may be much fainter than its metal.
EDGE_IN_SHADOW = EdgeRule(
    ((3.0, 0.2, np.inf), (6.0, 0.2, 12000.0), (12.0, 0.15, 11000.0), (FARTHEST_MM, 0.15, 7000.0)), 0.5, share_beside=0.4
)


def least_hu(
    image: NDArray[np.int16], spacing_mm: tuple[float, ...], scale: Scale, rule: EdgeRule = USUAL_EDGE
) -> NDArray[np.float32]:
    """Return the lowest HU at which each pixel counts as metal, float32 `[y, x]`.

    Args:
        image: HU, `[y, x]`.
        spacing_mm: distance between pixels along (y, x).
        scale: HU scale of the series; clipped plateaus are treated as peaks above the scale.
        rule: rule for the edge.
    """
    heights = scale.estimated_peaks(image)
    needed = np.zeros(image.shape, np.float32)
    for reach_mm, share, enough_hu in rule.shares:
        densest = ndimage.maximum_filter(heights, _window(reach_mm, spacing_mm))
        np.maximum(needed, np.minimum(np.float32(share) * densest, np.float32(enough_hu)), out=needed)
    fog = ndimage.minimum_filter(heights, _window(_FOG_MM, spacing_mm))
    densest = ndimage.maximum_filter(heights, _window(_EDGE_MM, spacing_mm))
    is_fog = (fog > _FOG_HU) & (fog < np.float32(_MOST_FOG) * densest)
    np.maximum(needed, fog + np.float32(rule.above_fog) * (densest - fog), out=needed, where=is_fog)
    if rule.share_beside:
        np.maximum(needed, np.float32(rule.share_beside) * ndimage.maximum_filter(heights, 3), out=needed)
    return np.minimum(needed, np.float32(scale.highest_hu))


def _window(reach_mm: float, spacing_mm: tuple[float, ...]) -> list[int]:
    """Return the size in pixels, at least 1, of a square window with this half width."""
    return [2 * max(1, round(reach_mm / spacing)) + 1 for spacing in spacing_mm]
