"""Reformat a volume in coronal, sagittal or oblique planes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from marview.errors import UsageError
from marview.geometry import Grid

OUTSIDE_HU = -1024


@dataclass(frozen=True, eq=False)
class Plane:
    """Position of a reformatted image in the patient.

    Attributes:
        origin_lps_mm: centre of the first pixel, LPS in mm.
        down: unit vector from one row to the next (LPS).
        right: unit vector from one column to the next (LPS).
        pixel_mm: pixel size in mm.
        shape: number of rows and columns.
    """

    origin_lps_mm: NDArray[np.float64]
    down: NDArray[np.float64]
    right: NDArray[np.float64]
    pixel_mm: float
    shape: tuple[int, int]

    def points(self) -> NDArray[np.float64]:
        """Return the LPS coordinates of each pixel centre in mm, `[y, x, 3]`."""
        rows, columns = (np.arange(count)[:, None] * self.pixel_mm for count in self.shape)
        return np.asarray(self.origin_lps_mm + (rows * self.down)[:, None] + (columns * self.right)[None])


def plane_across(grid: Grid, axis: int, index: float) -> Plane:
    """Return the plane perpendicular to a grid axis at an index along this axis.

    In an axial series, the plane is axial for axis 0, coronal for axis 1 and sagittal for axis 2. The
    pixels are square, with the smaller in-plane spacing as their size. The head is at the top of coronal and
    sagittal images.
    """
    down_axis, right_axis = (other for other in range(3) if other != axis)
    spacing = grid.spacing_mm
    pixel_mm = min(spacing[down_axis], spacing[right_axis])
    extent = [(grid.shape[a] - 1) * spacing[a] for a in (down_axis, right_axis)]
    shape = (int(extent[0] / pixel_mm + 1e-6) + 1, int(extent[1] / pixel_mm + 1e-6) + 1)
    first = np.zeros(3)
    first[axis] = index
    steps = [grid.affine[:3, a] / spacing[a] for a in (down_axis, right_axis)]
    if down_axis == 0:
        first[0] = grid.shape[0] - 1
        steps[0] = -steps[0]
    return Plane(grid.to_patient(first), steps[0], steps[1], pixel_mm, shape)


def oblique_plane(centre_lps_mm: ArrayLike, normal: ArrayLike, up: ArrayLike, pixel_mm: float, size: int) -> Plane:
    """Return the plane of a square image centred on a point and perpendicular to a normal.

    Args:
        centre_lps_mm: centre of the image, LPS in mm.
        normal: vector pointing away from the viewer (LPS).
        up: preferred upward direction in the image (LPS).
        pixel_mm: pixel size in mm.
        size: number of rows, equal to the number of columns.

    Raises:
        UsageError: normal and up are parallel.
    """
    away, upward = (np.asarray(vector, np.float64) for vector in (normal, up))
    right = np.cross(away, upward)
    if np.linalg.norm(right) < 1e-9:
        raise UsageError("The normal and the upward direction of a plane must not be parallel. Change one of them.")
    right /= np.linalg.norm(right)
    down = np.cross(away, right)
    down /= np.linalg.norm(down)
    origin = np.asarray(centre_lps_mm, np.float64) - (size - 1) / 2 * pixel_mm * (right + down)
    return Plane(origin, down, right, pixel_mm, (size, size))


def reslice(
    array: NDArray[np.generic], grid: Grid, plane: Plane, *, outside: float = OUTSIDE_HU, nearest: bool = False
) -> NDArray[np.float32]:
    """Return the image of a volume in a plane, float32 `[y, x]`, by linear interpolation.

    Args:
        array: HU or a mask, `[z, y, x]` on the grid.
        grid: positions of the voxels.
        plane: plane of the image.
        outside: value outside the volume.
        nearest: whether to use the nearest voxel instead of interpolation, for masks.
    """
    index = grid.to_index(plane.points())
    # Rounding must not move a picture through the outermost voxels out of the volume.
    top = np.array(grid.shape) - 1
    index = np.where(np.abs(index - np.clip(index, 0, top)) < 1e-6, np.clip(index, 0, top), index)
    low = np.maximum(np.floor(index.reshape(-1, 3).min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(index.reshape(-1, 3).max(axis=0)).astype(int) + 1, grid.shape)
    if (low >= high).any():
        return np.full(plane.shape, outside, np.float32)
    part = array[low[0] : high[0], low[1] : high[1], low[2] : high[2]].astype(np.float32)
    values = ndimage.map_coordinates(
        part, np.moveaxis(index - low, -1, 0), order=0 if nearest else 1, mode="constant", cval=outside
    )
    return np.asarray(values, np.float32)
