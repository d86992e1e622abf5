"""Find the part of a volume that contains the body."""

import itertools

import numpy as np
from numpy.typing import NDArray

from marview.volume.across import Section
from marview.volume.volume import BODY_HU, Volume

MARGIN = 0.04
"""Margin around the body, as a fraction of its size."""

_SIGNS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
"""Sign of the half edge along each axis, for each corner of a box."""

_EDGES = [(a, b) for a, b in itertools.combinations(range(8), 2) if (_SIGNS[a] != _SIGNS[b]).sum() == 1]

_LOOKED_AT = (32, 128, 128)
"""Largest number of planes, rows and columns that are examined, because a large volume would delay the window."""


def body_extent_mm(volume: Volume) -> tuple[float, float, float]:
    """Return the size (z, y, x) in mm of a box around the volume's centre that contains the body in all slices.

    Along z, the box is as large as the volume. Without a body, the box is the whole volume.
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
    """Return the centre and size of the part of a section that lies in a box, each as (right, down) in mm.

    The size is measured in the parallel section through the centre of the box, where it is largest, so the
    zoom stays constant while the section moves. If the section misses the box, the centre is the centre of
    the grid.

    Args:
        section: section through the grid.
        extent_mm: size (z, y, x) in mm of the box, which is centred on the grid and parallel to its axes.
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
    """Return the points where the edges of a box cross a plane, `[point, 3]`; empty if they do not."""
    heights = corners @ normal - away
    points = [
        corners[a] + (corners[b] - corners[a]) * heights[a] / (heights[a] - heights[b])
        for a, b in _EDGES
        if heights[a] * heights[b] <= 0 and heights[a] != heights[b]
    ]
    return np.array(points).reshape(-1, 3)
