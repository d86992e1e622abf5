"""The part of a volume that holds the body."""

import numpy as np

from marview.volume.volume import BODY_HU, Volume

MARGIN = 0.04
"""Space around the body, as a share of its size."""

_LOOKED_AT = (32, 128, 128)
"""Planes, rows and columns that are looked at; a large volume would delay the window."""


def body_extent_mm(volume: Volume) -> tuple[float, float, float]:
    """Return the size (z, y, x) in mm of a box around the centre of a volume that holds the body in all slices.

    Along z, and where there is no body, it is the size of the volume.
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
