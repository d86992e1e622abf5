"""Find the connected pieces of metal in a mask."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from marview.volume.box import Box, box_of, moved
from marview.volume.mask import NEIGHBOURS


@dataclass(frozen=True)
class Component:
    """A connected piece of metal.

    Attributes:
        number: number of the piece, from 1 for the largest.
        voxels: number of voxels.
        volume_mm3: volume in mm3.
        mean_hu: mean HU.
        highest_hu: HU of the densest voxel.
        densest_zyx: index of the densest voxel.
        box: bounding box of the piece.
    """

    number: int
    voxels: int
    volume_mm3: float
    mean_hu: float
    highest_hu: int
    densest_zyx: tuple[int, int, int]
    box: Box


@dataclass(frozen=True, eq=False)
class Components:
    """All pieces of a mask.

    Attributes:
        pieces: pieces, largest first.
        labels: piece number of each voxel in `box`; 0 outside metal.
        box: bounding box of the mask; None for an empty mask.
        shape: shape of the mask.
    """

    pieces: tuple[Component, ...]
    labels: NDArray[np.int32]
    box: Box | None
    shape: tuple[int, ...]

    def mask(self, numbers: Collection[int] | None = None) -> NDArray[np.bool_]:
        """Return the mask of the pieces with these numbers, bool `[z, y, x]`; None selects all pieces."""
        result = np.zeros(self.shape, bool)
        if self.box is not None:
            is_on = np.zeros(len(self.pieces) + 1, bool)
            is_on[[piece.number for piece in self.pieces] if numbers is None else list(numbers)] = True
            is_on[0] = False
            result[self.box] = is_on[self.labels]
        return result

    def at(self, point_zyx: Sequence[int]) -> Component | None:
        """Return the piece of metal that contains a voxel, or None if the voxel is not metal."""
        if self.box is None or not all(
            part.start <= i < part.stop for part, i in zip(self.box, point_zyx, strict=True)
        ):
            return None
        z, y, x = (i - part.start for part, i in zip(self.box, point_zyx, strict=True))
        number = int(self.labels[z, y, x])
        return self.pieces[number - 1] if number else None


def components(
    mask: NDArray[np.bool_], hu: NDArray[np.int16], spacing_mm: Sequence[float], span: slice | None = None
) -> Components:
    """List the connected pieces of a mask.

    Args:
        mask: bool, `[z, y, x]`.
        hu: HU, `[z, y, x]`.
        spacing_mm: distance between voxels along (z, y, x).
        span: range of slices that contains the whole mask; None for all slices.
    """
    span = slice(0, len(mask)) if span is None else span
    found = box_of(mask[span])
    box = None if found is None else moved(found, (span, slice(0, None), slice(0, None)))
    if box is None:
        return Components((), np.zeros((0, 0, 0), np.int32), None, mask.shape)
    labels, count = ndimage.label(mask[box], NEIGHBOURS)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-sizes, kind="stable")
    number_of = np.zeros(count + 1, np.int32)
    number_of[order + 1] = np.arange(1, count + 1)
    labels = number_of[labels]
    numbers = np.arange(1, count + 1)
    means = ndimage.mean(hu[box], labels, numbers)
    densest = ndimage.maximum_position(hu[box], labels, numbers)
    start = [part.start for part in box]
    pieces = []
    for number, mean, at, found in zip(numbers, means, densest, ndimage.find_objects(labels), strict=True):
        z, y, x = (int(i) + first for i, first in zip(at, start, strict=True))
        b, r, c = (slice(part.start + first, part.stop + first) for part, first in zip(found, start, strict=True))
        voxels = int(sizes[order[number - 1]])
        volume_mm3 = voxels * float(np.prod(spacing_mm))
        pieces.append(Component(int(number), voxels, volume_mm3, float(mean), int(hu[z, y, x]), (z, y, x), (b, r, c)))
    return Components(tuple(pieces), labels, box, mask.shape)
