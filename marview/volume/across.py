"""Sections through a volume in radiological orientation: head or front up, the patient's left on the right."""

import enum
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from marview.geometry import Grid
from marview.text import translatable
from marview.volume.reslice import OUTSIDE_HU, Plane, oblique_plane, reslice

_SQUARE = 1e-3
_TITLES = (translatable("Sagittal"), translatable("Coronal"), translatable("Axial"))
_LETTERS = ("RL", "AP", "FH")
"""Orientation letters in the negative and positive directions of the LPS axes."""


class Slab(enum.StrEnum):
    """Projection that combines the layers of a thick section into one image."""

    NONE = "none"
    MIP = "mip"
    MINIP = "minip"
    MEAN = "mean"


@dataclass(frozen=True, eq=False)
class Section:
    """Planar section through a grid, with its orientation on the screen.

    Attributes:
        grid: grid of the volume.
        centre_lps_mm: origin of the section's coordinates.
        right: unit vector pointing right on the screen (LPS).
        down: unit vector pointing down on the screen (LPS).
        axis: grid axis perpendicular to the section; None if the section needs interpolation.
        index: index of the section along `axis`.
        pixel_mm: pixel spacing along (down, right).
        shape: number of rows and columns of the section's image.
    """

    grid: Grid
    centre_lps_mm: NDArray[np.float64]
    right: NDArray[np.float64]
    down: NDArray[np.float64]
    axis: int | None
    index: int
    pixel_mm: tuple[float, float]
    shape: tuple[int, int]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector pointing away from the viewer (LPS)."""
        return np.asarray(np.cross(self.right, self.down))

    @property
    def title(self) -> str:
        """Orientation: Axial, Coronal or Sagittal; Oblique if no patient axis is within 35° of the normal."""
        away = np.abs(self.normal)
        return _TITLES[int(away.argmax())] if away.max() > math.cos(math.radians(35)) else "Oblique"

    @property
    def place(self) -> str:
        """Position along the patient axis closest to the section's normal, such as "P 12.3 mm"."""
        axis = _dominant(self.normal)
        at = self.centre_lps_mm[axis]
        return f"{_LETTERS[axis][int(at >= 0)]} {abs(at):.1f} mm"

    @property
    def step_mm(self) -> float:
        """Distance to the next parallel section in mm."""
        return self.pixel_mm[0] if self.axis is None else self.grid.spacing_mm[self.axis]

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """Orientation letters at the left, right, top and bottom edges."""
        return _letter(-self.right), _letter(self.right), _letter(-self.down), _letter(self.down)

    def to_screen(self, lps_mm: ArrayLike) -> tuple[float, float]:
        """Return the screen position of a point as (right, down), in mm from the centre."""
        away = np.asarray(lps_mm, np.float64) - self.centre_lps_mm
        return float(away @ self.right), float(away @ self.down)

    def to_lps(self, right_mm: float, down_mm: float) -> NDArray[np.float64]:
        """Return the LPS coordinates of the section's point at (right, down) mm from the centre."""
        return np.asarray(self.centre_lps_mm + right_mm * self.right + down_mm * self.down)

    def picture(
        self, array: Any, slab: Slab = Slab.NONE, thickness_mm: float = 0.0, *, nearest: bool = False
    ) -> NDArray[np.generic]:
        """Return the section `[y, x]` through an array `[z, y, x]`, without interpolation if `axis` is set.

        Args:
            array: HU or mask on the grid: an array, or an object that returns blocks when indexed with three
                Python slices.
            slab: projection that combines the parallel sections of the slab.
            thickness_mm: thickness of the slab in mm.
            nearest: whether to use the nearest voxel instead of interpolation, for masks.
        """
        if self.axis is None:
            return self._interpolated(array, slab, thickness_mm, nearest=nearest)
        half = 0 if slab is Slab.NONE else math.floor(thickness_mm / 2 / self.grid.spacing_mm[self.axis] + 1e-6)
        low, high = max(0, self.index - half), min(array.shape[self.axis], self.index + half + 1)
        chosen = [slice(None)] * 3
        chosen[self.axis] = slice(low, high)
        block = array[tuple(chosen)]
        part = block.squeeze(self.axis) if half == 0 else _merge(block, slab, self.axis)
        down_axis, right_axis = _screen_axes(self.grid, self.axis)
        if down_axis > right_axis:
            part = part.T
        flip_down = self.grid.affine[:3, down_axis] @ self.down < 0
        flip_right = self.grid.affine[:3, right_axis] @ self.right < 0
        return part[:: -1 if flip_down else 1, :: -1 if flip_right else 1]

    def _interpolated(self, array: Any, slab: Slab, thickness_mm: float, *, nearest: bool) -> NDArray[np.generic]:
        step = self.pixel_mm[0]
        half = 0 if slab is Slab.NONE else math.floor(thickness_mm / 2 / step + 1e-6)
        outside = 0.0 if nearest else float(OUTSIDE_HU)
        rows, columns = self.shape
        first = self.to_lps(-(columns - 1) / 2 * step, -(rows - 1) / 2 * step)
        planes = [
            Plane(first + away * step * self.normal, self.down, self.right, step, self.shape)
            for away in range(-half, half + 1)
        ]
        pictures = [reslice(array, self.grid, plane, outside=outside, nearest=nearest) for plane in planes]
        return pictures[0] if half == 0 else _merge(np.stack(pictures), slab, 0)


def section_through(grid: Grid, axis: int, lps_mm: ArrayLike) -> Section:
    """Return the section through a point, perpendicular to a grid axis.

    The section is interpolated if the gantry was tilted.
    """
    index = grid.to_index(lps_mm)
    down_axis, right_axis = _screen_axes(grid, axis)
    spacing = grid.spacing_mm
    down, right = (grid.affine[:3, a] / spacing[a] for a in (down_axis, right_axis))
    down, right = down * _down_sign(down), right * _right_sign(right)
    middle = (np.array(grid.shape, np.float64) - 1) / 2
    middle[axis] = min(max(round(float(index[axis])), 0), grid.shape[axis] - 1)
    if abs(float(down @ right)) > _SQUARE or _is_sheared(grid, axis):
        size = max(n * step for n, step in zip(grid.shape, spacing, strict=True))
        away = np.cross(right, down)
        at = np.asarray(lps_mm, np.float64)
        centre = grid.to_patient((np.array(grid.shape) - 1) / 2)
        return oblique_section(grid, centre + away * float((at - centre) @ away), away, -down, size)
    return Section(
        grid=grid,
        centre_lps_mm=grid.to_patient(middle),
        right=right,
        down=down,
        axis=axis,
        index=int(middle[axis]),
        pixel_mm=(spacing[down_axis], spacing[right_axis]),
        shape=(grid.shape[down_axis], grid.shape[right_axis]),
    )


def oblique_section(grid: Grid, centre_lps_mm: ArrayLike, normal: ArrayLike, up: ArrayLike, size_mm: float) -> Section:
    """Return a square section in any orientation, centred on a point.

    Args:
        grid: grid of the volume.
        centre_lps_mm: centre of the section.
        normal: vector pointing away from the viewer (LPS).
        up: preferred upward direction on the screen (LPS).
        size_mm: side length of the square in mm.
    """
    step = min(grid.spacing_mm)
    pixels = max(2, math.ceil(size_mm / step))
    plane = oblique_plane(centre_lps_mm, normal, up, step, pixels)
    centre = np.asarray(centre_lps_mm, np.float64)
    return Section(grid, centre, plane.right, plane.down, None, 0, (step, step), (pixels, pixels))


def _merge(stack: NDArray[np.generic], slab: Slab, axis: int) -> NDArray[np.generic]:
    if slab is Slab.MIP:
        return np.asarray(stack.max(axis=axis))
    if slab is Slab.MINIP:
        return np.asarray(stack.min(axis=axis))
    mean = np.asarray(stack, np.float32).mean(axis=axis)
    return np.asarray(mean > 0.5 if stack.dtype == np.bool_ else mean)


def _dominant(direction: NDArray[np.float64]) -> int:
    return int(np.abs(direction).argmax())


def _screen_axes(grid: Grid, axis: int) -> tuple[int, int]:
    """Return the grid axes that point down and right on the screen; head-feet, else front-back, is vertical."""
    one, other = (a for a in range(3) if a != axis)
    order = {2: 0, 1: 1, 0: 2}
    ranks = {a: order[_dominant(grid.affine[:3, a])] for a in (one, other)}
    return (one, other) if ranks[one] <= ranks[other] else (other, one)


def _down_sign(direction: NDArray[np.float64]) -> float:
    """Return 1 if a direction points down on the screen (to the feet, the back or the patient's left), else -1."""
    axis = _dominant(direction)
    wanted = -1.0 if axis == 2 else 1.0
    return wanted * float(np.sign(direction[axis]))


def _right_sign(direction: NDArray[np.float64]) -> float:
    """Return 1 if a direction points right on the screen (to the patient's left, the back or the feet), else -1."""
    return _down_sign(direction)


def _is_sheared(grid: Grid, axis: int) -> bool:
    """Return whether slices are shifted relative to each other within the section, as with a tilted gantry."""
    units = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0)
    return any(abs(float(units[:, axis] @ units[:, a])) > _SQUARE for a in range(3) if a != axis)


def _letter(direction: NDArray[np.float64]) -> str:
    axis = _dominant(direction)
    return _LETTERS[axis][int(direction[axis] > 0)]
