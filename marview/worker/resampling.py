"""Resample slices to the square processing grid, and corrections back to the slices' pixel size and shape."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import max_pool2d

from marview.geometry import PROCESSING_SIZE, processing_pixel_mm
from marview.volume.box import Box, box_of
from marview.volume.padding import padding

AIR_HU = -1000.0
SIZE = PROCESSING_SIZE

_TAPER = 0.03
_ROUNDING = 1e-5

Kernel = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class SliceFrame:
    """Grid of the slices, and the processing grid: 416 x 416 square pixels with the same centre.

    Attributes:
        shape: number of rows and columns of a slice.
        spacing_mm: distance between rows and between columns.
    """

    shape: tuple[int, int]
    spacing_mm: tuple[float, float]

    @property
    def pixel_mm(self) -> float:
        """Pixel size of the processing grid, in mm."""
        return processing_pixel_mm(self.shape, self.spacing_mm)

    def to_processing(self, hu: NDArray[np.int16]) -> Tensor:
        """Resample slices `[slice, row, column]` to the processing grid; float32 HU `[slice, y, x]`.

        The interpolation is bilinear, with a wider kernel for downsampling. Dark streaks and bright metal are
        not clipped, because the forward projection needs their values. Padding and everything outside the slice
        become air.
        """
        values = torch.from_numpy(hu.astype(np.float32))
        values[torch.from_numpy(padding(hu))] = AIR_HU
        rows, columns = self._down
        return (rows @ (values - AIR_HU) @ columns.T) + AIR_HU

    def share_to_processing(self, pixels: NDArray[np.bool_]) -> Tensor:
        """Return the fraction of each processing-grid pixel that `pixels` cover, float32 `[slice, y, x]`."""
        rows, columns = self._down
        return rows @ torch.from_numpy(pixels.astype(np.float32)) @ columns.T

    def mask_to_processing(self, mask: NDArray[np.bool_]) -> Tensor:
        """Resample a mask `[slice, row, column]` to the processing grid, bool `[slice, y, x]`.

        A pixel becomes metal if metal covers at least half of it. For thin metal, such as wires, the nearest
        pixels also become metal.
        """
        covered = torch.zeros((len(mask), SIZE, SIZE), dtype=torch.bool)
        box = box_of(mask)
        if box is not None:
            self.renew(covered, mask, box)
        return covered

    def renew(self, covered: Tensor, mask: NDArray[np.bool_], box: Box) -> None:
        """Update a mask on the processing grid in place, after the original mask has changed within a box.

        Args:
            covered: bool `[slice, y, x]`; mask on the processing grid before the change, updated in place.
            mask: bool `[slice, row, column]`; mask after the change.
            box: box that contains all changes.
        """
        (changed_y, top, rows), (changed_x, left, columns) = (self._reach(axis, box[axis + 1]) for axis in (0, 1))
        metal = mask[:, rows, columns]
        down, across = self._down[0][top, rows], self._down[1][left, columns]
        # A pixel that is exactly half metal is metal, in spite of rounding.
        found = (down @ torch.from_numpy(metal.astype(np.float32)) @ across.T) >= 0.5 - _ROUNDING
        inner = -max_pool2d(-found.float()[:, None], 3, stride=1, padding=1)
        near = max_pool2d(inner, 5, stride=1, padding=2)[:, 0] > 0
        k, row, column = (torch.from_numpy(index) for index in np.nonzero(metal))
        y, x = self._nearest(0)[row + rows.start] - top.start, self._nearest(1)[column + columns.start] - left.start
        inside = (y >= 0) & (y < found.shape[1]) & (x >= 0) & (x < found.shape[2])
        k, y, x = k[inside], y[inside], x[inside]
        lost = ~near[k, y, x]
        found[k[lost], y[lost], x[lost]] = True
        covered[:, changed_y, changed_x] = found[:, _within(changed_y, top), _within(changed_x, left)]

    def _reach(self, axis: int, part: slice) -> tuple[slice, slice, slice]:
        """Return the processing pixels that depend on a range of rows or columns, those to compute, and their rows.

        A pixel that is less than half metal also depends on neighbours, which are up to three pixels away.
        """
        weights = self._down[axis]
        nearest = self._nearest(axis)[part]
        looking = weights[:, part].any(dim=1)
        looking[nearest] = True
        pixels = _extent(looking)
        around = _wider(pixels, 6)
        return _wider(pixels, 3), around, _extent(weights[around].any(dim=0))

    def to_native(self, correction: Tensor) -> Tensor:
        """Resample a correction from the processing grid to the slice's own grid, HU `[slice, row, column]`.

        The interpolation is cubic. The correction is zero outside the reconstruction circle, with a soft edge inside
        the circle.
        """
        rows, columns = self._up
        return (rows @ correction @ columns.T) * self._circle

    def changeable(self, hu: NDArray[np.int16]) -> Tensor:
        """Return the pixels that a correction may change, all except padding; bool `[slice, row, column]`."""
        return torch.from_numpy(~padding(hu))

    @cached_property
    def _down(self) -> tuple[Tensor, Tensor]:
        rows, columns = (
            _weights(SIZE, self.pixel_mm, self.shape[axis], self.spacing_mm[axis], _tent, 1.0) for axis in (0, 1)
        )
        return rows, columns

    @cached_property
    def _up(self) -> tuple[Tensor, Tensor]:
        rows, columns = (
            _weights(self.shape[axis], self.spacing_mm[axis], SIZE, self.pixel_mm, _cubic, 2.0, is_held=True)
            for axis in (0, 1)
        )
        return rows, columns

    @cached_property
    def _circle(self) -> Tensor:
        """Return weights that are 1 inside the reconstruction circle and fall to 0 at its edge, `[row, column]`."""
        y, x = (_centres(self.shape[axis], self.spacing_mm[axis]) for axis in (0, 1))
        radius = np.hypot(y[:, None], x[None, :]) / (SIZE * self.pixel_mm / 2)
        inwards = np.clip((1 - radius) / _TAPER, 0, 1)
        return torch.from_numpy((inwards * inwards * (3 - 2 * inwards)).astype(np.float32))

    def _nearest(self, axis: int) -> Tensor:
        """Return the nearest index on the processing grid for each row (axis 0) or column (axis 1)."""
        index = _centres(self.shape[axis], self.spacing_mm[axis]) / self.pixel_mm + (SIZE - 1) / 2
        return torch.from_numpy(np.clip(np.rint(index), 0, SIZE - 1).astype(np.int64))


def _extent(which: Tensor) -> slice:
    used = which.nonzero()
    return slice(int(used[0]), int(used[-1]) + 1)


def _wider(pixels: slice, more: int) -> slice:
    return slice(max(0, pixels.start - more), min(SIZE, pixels.stop + more))


def _within(part: slice, whole: slice) -> slice:
    return slice(part.start - whole.start, part.stop - whole.start)


def _centres(count: int, pitch: float) -> NDArray[np.float64]:
    return np.asarray((np.arange(count) - (count - 1) / 2) * pitch, dtype=np.float64)


def _weights(
    n_out: int, pitch_out: float, n_in: int, pitch_in: float, kernel: Kernel, reach: float, *, is_held: bool = False
) -> Tensor:
    """Return the weights, `[out, in]`, of each input for each output along one axis.

    Values outside the inputs are zero or, with `is_held`, equal to the value at the edge. The width of the kernel is
    the larger of the two spacings, to avoid aliasing.
    """
    width = max(pitch_in, pitch_out)
    beyond = int(np.ceil(reach * width / pitch_in + n_out * pitch_out / pitch_in / 2)) + 1
    lattice = _centres(n_in + 2 * beyond, pitch_in)
    given = kernel(np.abs(_centres(n_out, pitch_out)[:, None] - lattice[None, :]) / width)
    counted = given[:, beyond : beyond + n_in] if is_held else given
    given /= counted.sum(axis=1, keepdims=True)
    return torch.from_numpy(given[:, beyond : beyond + n_in].astype(np.float32))


def _tent(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.maximum(1 - distance, 0), dtype=np.float64)


def _cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate Keys' cubic convolution kernel with a = -1/2."""
    d = distance
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.asarray(np.where(d < 1, near, np.where(d < 2, far, 0.0)), dtype=np.float64)
