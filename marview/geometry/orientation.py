"""Axis permutations and flips between a file's (i, j, k) in RAS and marview's (z, y, x) in LPS."""

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marview.geometry.grid import Grid

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
RAS_TO_LPS.flags.writeable = False

_SAME_MM = 0.05


@dataclass(frozen=True, eq=False)
class Layout:
    """Mapping from the axes (i, j, k) of a file's array to (z, y, x).

    Attributes:
        axes: file axes that become z, y and x.
        is_flipped: for each of z, y and x, whether it runs opposite to its file axis.
        grid: grid in the order (z, y, x).
    """

    axes: tuple[int, int, int]
    is_flipped: tuple[bool, bool, bool]
    grid: Grid

    def to_zyx(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the file's array `[i, j, k]` as a view `[z, y, x]`."""
        return array.transpose(self.axes)[self._flips]

    def from_zyx(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array `[z, y, x]` as a view in the file's order `[i, j, k]`."""
        return array[self._flips].transpose(np.argsort(self.axes))

    @property
    def file_shape(self) -> tuple[int, int, int]:
        """Shape of the file's array, (i, j, k)."""
        i, j, k = (self.grid.shape[self.axes.index(axis)] for axis in range(3))
        return i, j, k

    @property
    def _flips(self) -> tuple[slice, slice, slice]:
        z, y, x = (slice(None, None, -1) if flip else slice(None) for flip in self.is_flipped)
        return z, y, x


def layout_of(shape: tuple[int, int, int], affine_ras: NDArray[np.float64]) -> Layout:
    """Find the layout whose axes point as nearly as possible to the head (z), the back (y) and the left (x).

    Args:
        shape: shape of the file's array, (i, j, k).
        affine_ras: matrix `(4, 4)` from index (i, j, k, 1) to RAS coordinates in mm.

    Raises:
        ValueError: the affine cannot be inverted.
    """
    affine = RAS_TO_LPS @ affine_ras
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or lengths.min() == 0:
        raise ValueError("no usable affine")
    directions = affine[:3, :3] / lengths
    axes = max(permutations(range(3)), key=lambda order: sum(abs(directions[2 - at, order[at]]) for at in range(3)))
    return _layout(shape, affine, axes, tuple(bool(affine[2 - at, axis] < 0) for at, axis in enumerate(axes)))


def layout_onto(grid: Grid, shape: tuple[int, int, int], affine_ras: NDArray[np.float64]) -> Layout:
    """Find the layout that maps a file's array to the voxels of a grid.

    Raises:
        ValueError: the voxels of the file and the grid differ.
    """
    to_grid = np.linalg.inv(grid.affine) @ RAS_TO_LPS @ affine_ras
    turn = np.rint(to_grid[:3, :3]).astype(int)
    if not (np.abs(turn).sum(axis=0) == 1).all() or not (np.abs(turn).sum(axis=1) == 1).all():
        raise ValueError("the axes or the spacing differ")
    axes = tuple(int(np.flatnonzero(turn[at])[0]) for at in range(3))
    layout = _layout(shape, RAS_TO_LPS @ affine_ras, axes, tuple(bool(turn[at, axes[at]] < 0) for at in range(3)))
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in grid.shape])).reshape(3, -1).T
    if layout.grid.shape != grid.shape:
        raise ValueError(f"it has {layout.grid.shape} voxels, not {grid.shape}")
    off_mm = np.abs(layout.grid.to_patient(corners) - grid.to_patient(corners)).max()
    if off_mm > max(_SAME_MM, 0.1 * min(grid.spacing_mm)):
        raise ValueError(f"it is {off_mm:.1f} mm away from the expected position")
    return layout


def _layout(
    shape: tuple[int, int, int], affine_lps: NDArray[np.float64], axes: tuple[int, ...], flips: tuple[bool, ...]
) -> Layout:
    affine = np.eye(4)
    affine[:3, 3] = affine_lps[:3, 3]
    for at, (axis, flip) in enumerate(zip(axes, flips, strict=True)):
        affine[:3, at] = -affine_lps[:3, axis] if flip else affine_lps[:3, axis]
        affine[:3, 3] += affine_lps[:3, axis] * (shape[axis] - 1) * flip
    z, y, x = axes
    return Layout((z, y, x), (flips[0], flips[1], flips[2]), Grid((shape[z], shape[y], shape[x]), affine))
