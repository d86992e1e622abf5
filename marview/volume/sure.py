"""Distinguish pieces that are certainly metal from those that may be enamel, dense bone or noise."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.volume.scale import Scale

CERTAIN_HU = 2500
"""HU that bone rarely reaches. Metal has at least one voxel this dense (Lin et al. 2019, InDuDoNet), and so has some
enamel."""

FEWEST_VOXELS = 3

# Enamel has up to 3000 HU, and noise raises single voxels further. Clipped metal has the highest HU of the scale.
_ENAMEL_HU = 3000
_USUAL_ENAMEL_HU = 2900
_SURE_HU = 3200
_VERY_SURE_HU = 4000
_RARE = 5.0
"""Multiple of the noise that fewer than one voxel in a million exceeds by chance."""

_SOFT_TISSUE_HU = (-200.0, 300.0)
_WINDOW_PX = 5
_APART_PX = 2
"""Distance between compared pixels, because reconstruction filters correlate the noise of neighbours."""

_DEVIATION_OF_MEDIAN = 1.4826


def sure_pieces(hu: NDArray[np.int16], labels: NDArray[np.int32], count: int, scale: Scale) -> NDArray[np.bool_]:
    """Return which pieces are certainly metal, bool `[piece]`.

    A piece is certainly metal if at least three of its voxels exceed the HU of enamel, or if one voxel far
    exceeds this limit. If most dense voxels of the piece are below the limit, as in thin metal or noisy
    enamel, three voxels must also exceed the usual HU of enamel by five times the noise of the slices.

    Args:
        hu: HU, `[z, y, x]`.
        labels: piece number of each voxel, 1 to `count`, `[z, y, x]`; 0 outside the pieces.
        count: number of pieces.
        scale: HU scale of the series.
    """
    is_cut_off = scale.is_clipped and scale.highest_hu >= _ENAMEL_HU
    sure_hu = min(_SURE_HU, scale.highest_hu) if is_cut_off else _SURE_HU
    above = _voxels(labels, count, hu >= sure_hu)
    candidates = above >= FEWEST_VOXELS
    candidates |= np.asarray(ndimage.maximum(hu, labels, np.arange(1, count + 1))) >= _VERY_SURE_HU
    below = _voxels(labels, count, (hu >= CERTAIN_HU) & (hu < sure_hu))
    faint = candidates & (2 * above < below)
    if faint.any():
        slices = np.isin(labels, np.flatnonzero(faint) + 1).any(axis=(1, 2))
        above_noise = _USUAL_ENAMEL_HU + _RARE * noise_hu(hu[slices])
        if above_noise > sure_hu:
            candidates &= ~faint | (_voxels(labels, count, hu >= above_noise) >= FEWEST_VOXELS)
    return candidates


def noise_hu(hu: NDArray[np.int16]) -> float:
    """Estimate the soft-tissue noise in slices `[z, y, x]`: standard deviation in HU; 0 without soft tissue.

    The estimate is derived from the median absolute difference between pixels in the same row, because
    streaks and edges hardly affect a median.
    """
    found = []
    for image in hu:
        smooth = ndimage.uniform_filter(image.astype(np.float32), _WINDOW_PX)
        tissue = (smooth > _SOFT_TISSUE_HU[0]) & (smooth < _SOFT_TISSUE_HU[1])
        steps = np.abs(image[:, _APART_PX:].astype(np.float32) - image[:, :-_APART_PX])
        steps = steps[tissue[:, _APART_PX:] & tissue[:, :-_APART_PX]]
        if steps.size:
            found.append(_DEVIATION_OF_MEDIAN / np.sqrt(2) * float(np.median(steps)))
    return float(np.median(found)) if found else 0.0


def _voxels(labels: NDArray[np.int32], count: int, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the chosen voxels of each piece."""
    return np.bincount(labels[chosen], minlength=count + 1)[1:]
