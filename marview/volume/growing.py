"""Grow a metal region from a seed voxel."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.errors import UsageError
from marview.text import tr
from marview.volume.box import Box
from marview.volume.mask import NEIGHBOURS

LEAST_METAL_HU = 1500
_HALF = 0.5


def grow_from(
    hu: NDArray[np.int16],
    seed_zyx: Sequence[int],
    lowest_hu: float | None = None,
    *,
    box: Box | None = None,
    in_slice: bool = False,
) -> NDArray[np.bool_]:
    """Return the voxels of at least `lowest_hu` HU that are connected to a seed.

    Args:
        hu: HU, `[z, y, x]`.
        seed_zyx: seed voxel.
        lowest_hu: lowest HU of the region. If None, it is half the HU of the densest voxel near the seed (the
            level of a blurred edge), or `LEAST_METAL_HU` if that is higher.
        box: box that limits the region; None for the whole volume.
        in_slice: whether to limit the region to the slice of the seed.

    Returns:
        bool, `[z, y, x]`.

    Raises:
        UsageError: the seed is outside the volume or the box, or is not metal.
    """
    z, y, x = seed_zyx
    everything: Box = (slice(0, hu.shape[0]), slice(0, hu.shape[1]), slice(0, hu.shape[2]))
    box = everything if box is None else box
    if in_slice:
        box = (slice(max(z, box[0].start), min(z + 1, box[0].stop)), *box[1:])
    for part, at, size in zip(box, seed_zyx, hu.shape, strict=True):
        if not (max(part.start, 0) <= at < min(part.stop, size)):
            raise UsageError(tr("The clicked voxel is outside the volume or the box: click inside both."))
    densest = int(hu[max(z - 1, 0) : z + 2, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].max())
    lowest = max(_HALF * densest, LEAST_METAL_HU) if lowest_hu is None else lowest_hu
    if hu[z, y, x] < lowest or densest < LEAST_METAL_HU:
        raise UsageError(
            tr("The clicked voxel has {} HU, but metal here starts at {:.0f} HU: click on the metal.").format(
                int(hu[z, y, x]), max(lowest, LEAST_METAL_HU)
            )
        )
    labels, _ = ndimage.label(hu[box] >= lowest, NEIGHBOURS)
    result = np.zeros(hu.shape, bool)
    result[box] = labels == labels[z - box[0].start, y - box[1].start, x - box[2].start]
    return result


def within(mask: NDArray[np.bool_], box: Box) -> NDArray[np.bool_]:
    """Return a copy of a mask, bool `[z, y, x]`, with all voxels outside a box cleared."""
    result = np.zeros(mask.shape, bool)
    result[box] = mask[box]
    return result
