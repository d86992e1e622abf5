"""Find the body, the bones and landmarks in a CT volume, to place implants."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import edt
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from marview.errors import BadInput
from marview.physics.shapes import Point, point

_STEP_MM = 2.0
_AIR_HU = -400.0
_BONE_HU = 180.0
_SMALLEST_BODY = 0.01


@dataclass(frozen=True, eq=False)
class Site:
    """CT volume with a coarse copy, sampled in steps of about 2 mm, for finding implant positions.

    Points are (x, y, z) in mm from the centre of the volume: x to the patient's left, y to the back, z to
    the head.

    Attributes:
        hu: full volume, HU `[z, y, x]`, z from the foot end, rows to the back, columns to the patient's
            left.
        spacing_mm: voxel spacing of the full volume along (z, y, x).
    """

    hu: NDArray[Any]
    spacing_mm: tuple[float, float, float]

    @cached_property
    def _strides(self) -> tuple[int, int, int]:
        z, y, x = (max(1, round(_STEP_MM / spacing)) for spacing in self.spacing_mm)
        return z, y, x

    @cached_property
    def step_mm(self) -> tuple[float, float, float]:
        """Spacing of the coarse volume, (z, y, x)."""
        z, y, x = (spacing * stride for spacing, stride in zip(self.spacing_mm, self._strides, strict=True))
        return z, y, x

    @cached_property
    def coarse(self) -> NDArray[np.float32]:
        """The coarse volume, HU `[z, y, x]`."""
        z, y, x = self._strides
        return np.asarray(self.hu[::z, ::y, ::x], dtype=np.float32)

    @cached_property
    def body(self) -> NDArray[np.bool_]:
        """Body mask on the coarse grid, bool `[z, y, x]`: the largest object above -400 HU, with its cavities filled.

        Raises:
            BadInput: there is no body.
        """
        solid = ndimage.binary_opening(self.coarse > _AIR_HU, np.ones((1, 3, 3)))
        labels, count = ndimage.label(solid)
        sizes = np.bincount(labels.ravel())[1:]
        if not count or sizes.max() < _SMALLEST_BODY * labels.size:
            raise BadInput("No implant can be placed: this volume shows no body (no large region exceeds -400 HU).")
        largest = labels == int(sizes.argmax()) + 1
        return np.stack([ndimage.binary_fill_holes(part) for part in largest])

    @cached_property
    def bone(self) -> NDArray[np.bool_]:
        """Mask of bone, including marrow, on the coarse grid, bool `[z, y, x]`."""
        dense = (self.coarse > _BONE_HU) & self.body
        closed = ndimage.binary_closing(np.pad(dense, ((0, 0), (3, 3), (3, 3))), np.ones((1, 3, 3)), iterations=2)
        return np.stack([ndimage.binary_fill_holes(part) for part in closed[:, 3:-3, 3:-3]])

    @cached_property
    def depth_in_bone_mm(self) -> NDArray[np.float32]:
        """Distance to the nearest non-bone voxel of the coarse grid, mm `[z, y, x]`.

        The space outside the volume counts as bone.
        """
        return np.asarray(edt.edt(self.bone, anisotropy=self.step_mm), dtype=np.float32)

    @cached_property
    def depth_in_body_mm(self) -> NDArray[np.float32]:
        """Distance to the skin on the coarse grid, measured within each slice, mm `[z, y, x]`."""
        slices = [edt.edt(part, anisotropy=self.step_mm[1:]) for part in self.body]
        return np.asarray(np.stack(slices), dtype=np.float32)

    @cached_property
    def coordinates(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Coordinates x `[1, 1, x]`, y `[1, y, 1]`, z `[z, 1, 1]` of the coarse volume, mm."""
        z, y, x = (
            np.arange(coarse) * step - (full - 1) / 2 * spacing
            for coarse, step, full, spacing in zip(
                self.coarse.shape, self.step_mm, self.hu.shape, self.spacing_mm, strict=True
            )
        )
        return x[None, None, :], y[None, :, None], z[:, None, None]

    @cached_property
    def middle_x_mm(self) -> float:
        """Position of the median plane in mm: the mean x of the body."""
        x, _, _ = self.coordinates
        return float((self.body.sum(axis=(0, 1)) * x.ravel()).sum() / self.body.sum())

    @cached_property
    def middle_y_mm(self) -> float:
        """Centre of the body between front and back in mm: the mean y of the body."""
        _, y, _ = self.coordinates
        return float((self.body.sum(axis=(0, 2)) * y.ravel()).sum() / self.body.sum())

    @cached_property
    def width_mm(self) -> float:
        """Largest width of the body along x in mm."""
        columns = np.flatnonzero(self.body.any(axis=(0, 1)))
        return float((columns[-1] - columns[0] + 1) * self.step_mm[2])

    @cached_property
    def dense(self) -> NDArray[np.float32]:
        """The volume averaged over a few millimetres, on the coarse grid, HU `[z, y, x]`."""
        return np.asarray(ndimage.uniform_filter(self.coarse, (1, 3, 3)), dtype=np.float32)

    def is_bone(self, place: Point) -> bool:
        """Return whether a point is in bone."""
        return bool(self._found(self.bone, np.array([place]))[0])

    def is_body(self, place: Point) -> bool:
        """Return whether a point is in the body."""
        return bool(self._found(self.body, np.array([place]))[0])

    def share_in_bone(self, starts: ArrayLike, ends: ArrayLike) -> NDArray[np.float64]:
        """Return the fraction of each straight path that lies in bone, 0 to 1, `[path]`.

        The start and end points of the paths are arrays of shape `[path, (x, y, z)]`.
        """
        along = np.linspace(0, 1, 24)[None, :, None]
        first, last = np.asarray(starts)[:, None, :], np.asarray(ends)[:, None, :]
        return np.asarray(self._found(self.bone, first + (last - first) * along).mean(axis=1))

    def _found(self, mask: NDArray[np.bool_], places: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return the values of a coarse mask at points `[..., (x, y, z)]`; False outside the volume."""
        firsts = np.array([float(axis.flat[0]) for axis in self.coordinates])
        index = np.rint((places - firsts) / self.step_mm[::-1]).astype(int)[..., ::-1]
        inside = ((index >= 0) & (index < mask.shape)).all(axis=-1)
        held = np.clip(index, 0, np.array(mask.shape) - 1)
        return np.asarray(inside & mask[held[..., 0], held[..., 1], held[..., 2]])

    def best(self, score: NDArray[Any], where: NDArray[np.bool_], what: str) -> Point:
        """Return the point with the highest score among the candidate voxels.

        Args:
            score: score of each voxel of the coarse grid, `[z, y, x]`.
            where: candidate voxels of the coarse grid, bool `[z, y, x]`.
            what: description of the position, for the error message.

        Raises:
            BadInput: there are no candidate voxels.
        """
        if not where.any():
            raise BadInput(f"There is no {what} in this volume for the implant; choose another implant or series.")
        index = np.unravel_index(int(np.where(where, score, -np.inf).argmax()), where.shape)
        x, y, z = self.coordinates
        return point((x.flat[index[2]], y.flat[index[1]], z.flat[index[0]]))

    @property
    def axes_mm(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Voxel centres of the full volume along (z, y, x), mm."""
        z, y, x = (
            ((np.arange(n) - (n - 1) / 2) * spacing).astype(np.float32)
            for n, spacing in zip(self.hu.shape, self.spacing_mm, strict=True)
        )
        return z, y, x
