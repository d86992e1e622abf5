"""Forward projection, FBP and their transposes on the CPU, for PyTorch tensors.

The operators convert between tensors and packed arrays.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.geometry import Beam
from marview.projection.backprojection import gather, scatter
from marview.projection.detector import detector
from marview.projection.joseph import project, spread
from marview.projection.packing import pack, unpack
from marview.projection.ramp import Ramp, ramp
from marview.projection.rays import PAD, rays

LANES = (1, 8, 16, 32, 64)
"""Possible numbers of slices in a vector. Each needs its own compiled kernel."""
MEMORY = 160e6
"""Largest size of a packed sinogram in bytes. Two of them and an image are in memory at the same time."""


@dataclass(frozen=True)
class Operators:
    """Forward projection, FBP and their transposes for one beam and one image size.

    Arrays are images `[slice, y, x]` or sinograms `[slice, view, bin]`, float32 or float64.
    """

    beam: Beam
    shape: tuple[int, int]
    pixel_mm: float

    @property
    def _detector_shape(self) -> tuple[int, int]:
        return self.beam.views, self.beam.bins

    def forward(self, image: Tensor) -> Tensor:
        """Project images `[slice, y, x]`; return sinograms `[slice, view, bin]`."""

        def one(part: NDArray[Any], result: NDArray[Any], lanes: int) -> None:
            plan = rays(self.beam, self.shape, self.pixel_mm, str(part.dtype))
            packed = pack(part, lanes, border=(PAD, PAD))
            unpack(project(plan, packed, self.shape, lanes), result, lanes)

        return self._in_batches(one, image, self._detector_shape)

    def adjoint(self, sinogram: Tensor) -> Tensor:
        """Apply the transpose of `forward` to sinograms `[slice, view, bin]`; return images `[slice, y, x]`."""

        def one(part: NDArray[Any], result: NDArray[Any], lanes: int) -> None:
            plan = rays(self.beam, self.shape, self.pixel_mm, str(part.dtype))
            unpack(spread(plan, pack(part, lanes), self.shape, lanes), result, lanes, border=(PAD, PAD))

        return self._in_batches(one, sinogram, self.shape)

    def fbp(self, sinogram: Tensor, name: str) -> Tensor:
        """Reconstruct sinograms `[slice, view, bin]`; return images `[slice, y, x]`."""

        def one(part: NDArray[Any], result: NDArray[Any], lanes: int) -> None:
            prepared = self._ramp(name, part)
            filtered = prepared.apply(pack(part, lanes, border=(0, 1), weights=prepared.weights), lanes)
            seen = detector(self.beam, self.pixel_mm, str(part.dtype))
            unpack(gather(seen, filtered, self.shape, lanes), result, lanes, border=(PAD, PAD))

        return self._in_batches(one, sinogram, self.shape)

    def fbp_adjoint(self, image: Tensor, name: str) -> Tensor:
        """Apply the transpose of `fbp` to images `[slice, y, x]`; return sinograms `[slice, view, bin]`."""

        def one(part: NDArray[Any], result: NDArray[Any], lanes: int) -> None:
            prepared = self._ramp(name, part)
            seen = detector(self.beam, self.pixel_mm, str(part.dtype))
            seen_back = scatter(seen, pack(part, lanes, border=(PAD, PAD)), self.shape, lanes)
            unpack(prepared.apply(seen_back, lanes), result, lanes, border=(0, 1), weights=prepared.weights)

        return self._in_batches(one, image, self._detector_shape)

    def _ramp(self, name: str, like: NDArray[Any]) -> Ramp:
        return ramp(self.beam, max(self.shape) * self.pixel_mm / 2, name, str(like.dtype))

    def _in_batches(
        self, operator: Callable[[NDArray[Any], NDArray[Any], int], None], array: Tensor, inner: tuple[int, int]
    ) -> Tensor:
        given = array.contiguous().numpy()
        filled = np.empty((len(given), *inner), given.dtype)  # NumPy requests large memory pages, PyTorch does not
        for start, count, lanes in self._batches(len(given), given.itemsize):
            operator(given[start : start + count], filled[start : start + count], lanes)
        return torch.from_numpy(filled)

    def _batches(self, count: int, itemsize: int) -> Iterator[tuple[int, int, int]]:
        """Yield the first slice, the number of slices and the lanes of each batch, as large as memory allows."""
        fitting = [lanes for lanes in LANES if lanes * self.beam.views * self.beam.bins * itemsize <= MEMORY] or [1]
        start = 0
        while start < count:
            lanes = next((lanes for lanes in fitting if lanes >= count - start), fitting[-1])
            taken = min(lanes, count - start)
            yield start, taken, lanes
            start += taken
