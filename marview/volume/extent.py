"""The part of a volume that contains the body."""

import itertools

import numpy as np
from numpy.typing import NDArray

from marview.volume.across import Section
from marview.volume.volume import BODY_HU, Volume

MARGIN = 0.04
"""Space around the body, as a share of its size."""

_SIGNS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
"""Corners of a box by the signs of its half edges."""

_EDGES = [(a, b) for a, b in itertools.combinations(range(8), 2) if (_SIGNS[a] != _SIGNS[b]).sum() == 1]

_LOOKED_AT = (32, 128, 128)
"""Planes, rows and columns that are looked at; a large volume would delay the window."""


def body_extent_mm(volume: Volume) -> tuple[float, float, float]:
    """Return the size (z, y, x) in mm of a box around the centre of a volume that contains the body in all slices.

    Along z, and if there is no body, it is the size of the volume.
    """
    shape, spacing_mm = volume.grid.shape, volume.grid.spacing_mm
    steps = [max(1, count // looked_at) for count, looked_at in zip(shape, _LOOKED_AT, strict=True)]
    body = volume.hu[:: steps[0], :: steps[1], :: steps[2]] > BODY_HU
    sizes = [shape[0] * spacing_mm[0]]
    for axis in (1, 2):
        inside = np.flatnonzero(body.any(axis=(0, 3 - axis))) * steps[axis]
        voxels = float(shape[axis])
        if len(inside):
            middle = (shape[axis] - 1) / 2
            reach = max(middle - inside[0], inside[-1] - middle) + steps[axis]
            voxels = min(voxels, 2 * reach * (1 + MARGIN))
        sizes.append(float(voxels) * spacing_mm[axis])
    return sizes[0], sizes[1], sizes[2]


def section_extent_mm(
    section: Section, extent_mm: tuple[float, float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where a section cuts a box around the centre of its grid: middle and size, each (right, down) in mm.

    The parallel cut through the centre of the box gives the size. No other cut exceeds it, so the scale stays while the
    section moves. For a section that misses the box, the middle is the centre of the grid.

    Args:
        section: the section.
        extent_mm: size (z, y, x) of the box, along the axes of the grid.
    """
    grid = section.grid
    centre = grid.to_patient([(count - 1) / 2 for count in grid.shape])
    halves = grid.affine[:3, :3] / grid.spacing_mm * (np.asarray(extent_mm) / 2)
    corners = _SIGNS @ halves.T
    on_screen = np.stack([section.right, section.down], axis=1)
    away = float((section.centre_lps_mm - centre) @ section.normal)
    seen = _cut(corners, section.normal, away) @ on_screen
    middle = (centre - section.centre_lps_mm) @ on_screen
    if len(seen):
        middle = middle + (seen.min(axis=0) + seen.max(axis=0)) / 2
    size = np.ptp(_cut(corners, section.normal, 0.0) @ on_screen, axis=0)
    return (float(middle[0]), float(middle[1])), (float(size[0]), float(size[1]))


def _cut(corners: NDArray[np.float64], normal: NDArray[np.float64], away: float) -> NDArray[np.float64]:
    """Return where edges of a box cross a plane at a distance from its centre, `[point, 3]`, possibly nowhere."""
    heights = corners @ normal - away
    points = [
        corners[a] + (corners[b] - corners[a]) * heights[a] / (heights[a] - heights[b])
        for a, b in _EDGES
        if heights[a] * heights[b] <= 0 and heights[a] != heights[b]
    ]
    return np.array(points).reshape(-1, 3)
