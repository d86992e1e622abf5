"""Crop and downsample volumes for the 3D scene."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

DENSE_HU = 150
"""Lower threshold of bone, contrast agent and metal in HU; voxels below it are not drawn."""

TISSUE_HU = 40
RIM = 2
"""Width in voxels of the bright rim around metal, which would hide the surface of the mask."""

MARGIN = 2 + RIM
_LOOK = 2


@dataclass(frozen=True, eq=False)
class Voxels:
    """A block of voxels.

    Attributes:
        values: `[z, y, x]`, contiguous.
        affine: matrix `(4, 4)` from index (z, y, x, 1) to LPS in mm.
    """

    values: NDArray[Any]
    affine: NDArray[np.float64]

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Return the voxel spacing along (z, y, x) in mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    def corners(self) -> NDArray[np.float64]:
        """Return the LPS coordinates of the corner voxels in mm, `[8, 3]`."""
        ends = [(0.0, n - 1.0) for n in self.values.shape]
        index = np.array([(z, y, x) for z in ends[0] for y in ends[1] for x in ends[2]])
        return np.asarray(index @ self.affine[:3, :3].T + self.affine[:3, 3])


def box_of(wanted: NDArray[np.bool_]) -> tuple[slice, slice, slice] | None:
    """Return the bounding box of the True voxels with a margin; None if there are none."""
    parts = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        there = np.flatnonzero(wanted.any(axis=others))
        if not len(there):
            return None
        parts.append(slice(max(0, int(there[0]) - MARGIN), min(wanted.shape[axis], int(there[-1]) + 1 + MARGIN)))
    return parts[0], parts[1], parts[2]


def box_of_dense(hu: NDArray[np.int16]) -> tuple[slice, slice, slice]:
    """Return the bounding box of bone and metal; the whole volume if there is neither."""
    found = box_of(hu[::_LOOK, ::_LOOK, ::_LOOK] > DENSE_HU)
    if found is None:
        z, y, x = hu.shape
        return slice(0, z), slice(0, y), slice(0, x)
    z, y, x = (
        slice(part.start * _LOOK, min(size, part.stop * _LOOK)) for part, size in zip(found, hu.shape, strict=True)
    )
    return z, y, x


def cut_out(values: NDArray[Any], affine: NDArray[np.float64], box: tuple[slice, slice, slice]) -> Voxels:
    """Copy a block of a volume.

    Args:
        values: values of the volume, `[z, y, x]`.
        affine: matrix from the indices (z, y, x) of the volume to LPS in mm, `[4, 4]`.
        box: index range of the block along each axis, as `slice` objects.
    """
    moved = affine.copy()
    moved[:3, 3] = affine[:3, :3] @ np.array([part.start for part in box], np.float64) + affine[:3, 3]
    return Voxels(np.array(values[box]), moved)


def coarsened(voxels: Voxels, most: int) -> Voxels:
    """Downsample by averaging nearly cubic blocks; `most` is the maximum number of voxels in the result."""
    factors = np.ones(3, int)
    shape = np.array(voxels.values.shape)
    while np.prod(shape // factors) > most:
        spacing = voxels.spacing_mm * factors
        spacing[shape // (factors + 1) < 2] = np.inf
        if not np.isfinite(spacing).any():
            break
        factors[int(spacing.argmin())] += 1
    if (factors == 1).all():
        return voxels
    kept = shape // factors
    whole = voxels.values[tuple(slice(0, n * f) for n, f in zip(kept, factors, strict=True))]
    blocks = whole.reshape(kept[0], factors[0], kept[1], factors[1], kept[2], factors[2])
    values = blocks.mean(axis=(1, 3, 5), dtype=np.float32).astype(voxels.values.dtype)
    affine = voxels.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ ((factors - 1) / 2)
    affine[:3, :3] *= factors
    return Voxels(values, affine)


def without_metal(voxels: Voxels, metal: Voxels | None) -> Voxels:
    """Copy a volume, with the metal and its bright rim replaced by soft tissue; `metal` has the same grid."""
    if metal is None:
        return voxels
    values = voxels.values.copy()
    offset = np.rint(np.linalg.solve(voxels.affine[:3, :3], metal.affine[:3, 3] - voxels.affine[:3, 3])).astype(int)
    grown = ndimage.binary_dilation(metal.values, ndimage.generate_binary_structure(3, 1), RIM)
    low = np.maximum(offset, 0)
    high = np.minimum(offset + metal.values.shape, voxels.values.shape)
    if (low >= high).any():
        return voxels
    part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    inside = tuple(slice(a - o, b - o) for a, b, o in zip(low, high, offset, strict=True))
    values[part][grown[inside]] = TISSUE_HU
    return Voxels(values, voxels.affine)
