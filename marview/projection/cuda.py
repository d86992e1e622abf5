"""Forward projection, FBP and their transposes on a GPU, as CUDA kernels launched by CuPy.

The kernels use the memory of PyTorch tensors and run on PyTorch's current stream.
"""

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from marview.geometry import Beam, FanBeamFlat, ParallelBeam
from marview.projection.detector import detector
from marview.projection.ramp import filter_matrix, ray_weights
from marview.projection.rays import PAD, rays
from marview.projection.trace import bins_per_mm

BATCH = 64  # slices per batch; two packed sinograms of this size need far less memory than any GPU has
RAYS = (128, 1, 1)  # threads per block, along the bins of a view
PIXELS = (32, 8, 1)

Launch = Callable[[str, tuple[int, int, int], tuple[int, int, int], list[Any]], None]
"""Function that runs a kernel, given its name, grid, block and arguments (tensors, typed NumPy scalars, None)."""


def source() -> str:
    """Return the CUDA source of the kernels."""
    return (Path(__file__).parent / "kernels.cu").read_text(encoding="utf-8")


def is_available() -> bool:
    """Return whether CuPy is installed; without it, a GPU uses `marview.projection.tensors`."""
    return importlib.util.find_spec("cupy") is not None


@cache
def _module(device: int, half_storage: bool) -> Any:  # noqa: FBT001
    import cupy

    with cupy.cuda.Device(device):
        return cupy.RawModule(code=source(), options=("--std=c++11", *(["-DHALF_STORAGE"] if half_storage else [])))


def cupy_launch(device: torch.device, *, half_storage: bool) -> Launch:
    """Return a function that launches kernels on PyTorch's current stream, without copying data or waiting."""
    import cupy

    index = torch.cuda.current_device() if device.index is None else device.index

    def launch(name: str, grid: tuple[int, int, int], block: tuple[int, int, int], arguments: list[Any]) -> None:
        with cupy.cuda.Device(index), cupy.cuda.ExternalStream(torch.cuda.current_stream(index).cuda_stream, index):
            plain = [
                np.uint64(0 if a is None else a.data_ptr()) if a is None or isinstance(a, Tensor) else a
                for a in arguments
            ]
            _module(index, half_storage).get_function(name)(grid, block, tuple(plain))

    return launch


@dataclass(frozen=True, eq=False)
class _Plan:
    rays: list[Tensor]  # by_column, place, slope, length, first, last
    angles: list[Tensor]  # cosine, sine
    numbers: list[Any]  # kind, distance, scale, middle, pixel
    pixel_reach: Any  # number of bins to each side that a pixel may project to
    bin_reach: Any  # number of pixels to each side of a ray that may project to its bin


@lru_cache(maxsize=16)
def _plan(beam: Beam, shape: tuple[int, int], pixel_mm: float, device: torch.device) -> _Plan:
    plan, seen = rays(beam, shape, pixel_mm, "float32"), detector(beam, pixel_mm, "float32")
    arrays = (plan.by_column, plan.place, plan.slope, plan.length, plan.first, plan.last)
    distance, scale, middle, pixel = (np.float32(value) for value in seen.numbers)
    corner = math.hypot(*shape) * pixel_mm / 2
    return _Plan(
        [torch.from_numpy(array).to(device) for array in arrays],
        [torch.from_numpy(array[: beam.views].copy()).to(device) for array in (seen.cosine, seen.sine)],
        [np.int32(seen.kind), distance, scale, np.float32(middle - 1), pixel],
        np.float32(bins_per_mm(beam, corner) * pixel_mm + 1e-2),
        np.float32(1.05 * math.sqrt(2) * _widest_bin_mm(beam, corner) / pixel_mm + 1e-2),
    )


def _widest_bin_mm(beam: Beam, radius_mm: float) -> float:
    if isinstance(beam, ParallelBeam):
        return beam.bin_mm
    farthest = beam.source_to_isocentre_mm + radius_mm
    if isinstance(beam, FanBeamFlat):
        return beam.bin_mm * farthest / beam.source_to_detector_mm
    return beam.bin_rad * farthest


@dataclass(frozen=True)
class Operators:
    """Forward projection, FBP and their transposes for one beam and one image size.

    Arrays are images `[slice, y, x]` or sinograms `[slice, view, bin]`, float32.

    Attributes:
        launch: function that runs a kernel.
        half_storage: whether packed images and sinograms are stored in 16 bits; sums are always accumulated in 32 bits.
    """

    beam: Beam
    shape: tuple[int, int]
    pixel_mm: float
    launch: Launch
    half_storage: bool = False

    def forward(self, image: Tensor) -> Tensor:
        """Project images `[slice, y, x]`; return sinograms `[slice, view, bin]`."""
        return self._in_batches(self._forward, image)

    def adjoint(self, sinogram: Tensor) -> Tensor:
        """Apply the transpose of `forward` to sinograms `[slice, view, bin]`; return images `[slice, y, x]`."""
        return self._in_batches(self._adjoint, sinogram)

    def fbp(self, sinogram: Tensor, name: str) -> Tensor:
        """Reconstruct sinograms `[slice, view, bin]`; return images `[slice, y, x]`."""
        return self._in_batches(lambda part: self._fbp(part, name), sinogram)

    def fbp_adjoint(self, image: Tensor, name: str) -> Tensor:
        """Apply the transpose of `fbp` to images `[slice, y, x]`; return sinograms `[slice, view, bin]`."""
        return self._in_batches(lambda part: self._fbp_adjoint(part, name), image)

    def _forward(self, image: Tensor) -> Tensor:
        packed = self._pack(image, (PAD, PAD))
        sinogram = self._packed(image, self._bins())
        self.launch("project", self._ray_grid(image), RAYS, [packed, sinogram, *self._plan(image).rays, *self._sizes()])
        return self._unpack(sinogram, len(image), self._bins(), (0, 0))

    def _adjoint(self, sinogram: Tensor) -> Tensor:
        plan = self._plan(sinogram)
        packed = self._pack(sinogram, (0, 0))
        image = self._packed(sinogram, self.shape, (PAD, PAD))
        self.launch(
            "spread", self._pixel_grid(sinogram), PIXELS,
            [packed, image, *plan.rays[:4], *plan.angles, *plan.numbers, plan.pixel_reach, *self._sizes()],
        )  # fmt: skip
        return self._unpack(image, len(sinogram), self.shape, (PAD, PAD))

    def _fbp(self, sinogram: Tensor, name: str) -> Tensor:
        plan = self._plan(sinogram)
        matrix, weights = self._filter(name, sinogram.device)
        packed = self._pack((sinogram * weights) @ matrix, (0, 1))
        image = self._packed(sinogram, self.shape, (PAD, PAD))
        self.launch(
            "gather", self._pixel_grid(sinogram), PIXELS, [packed, image, *plan.angles, *plan.numbers, *self._sizes()]
        )
        return self._unpack(image, len(sinogram), self.shape, (PAD, PAD))

    def _fbp_adjoint(self, image: Tensor, name: str) -> Tensor:
        plan = self._plan(image)
        matrix, weights = self._filter(name, image.device)
        packed = self._pack(image, (PAD, PAD))
        sinogram = self._packed(image, self._bins(), (0, 1))
        self.launch(
            "scatter", self._ray_grid(image), RAYS,
            [packed, sinogram, *plan.rays[:3], *plan.angles, *plan.numbers, plan.bin_reach, *self._sizes()],
        )  # fmt: skip
        return (self._unpack(sinogram, len(image), self._bins(), (0, 1)) @ matrix) * weights

    def _bins(self) -> tuple[int, int]:
        return self.beam.views, self.beam.bins

    def _sizes(self) -> list[Any]:
        return [np.int32(count) for count in (*self.shape, *self._bins())]

    def _plan(self, like: Tensor) -> _Plan:
        return _plan(self.beam, self.shape, self.pixel_mm, like.device)

    def _ray_grid(self, like: Tensor) -> tuple[int, int, int]:
        return -(-self.beam.bins // RAYS[0]), self.beam.views, -(-len(like) // 4)

    def _pixel_grid(self, like: Tensor) -> tuple[int, int, int]:
        return -(-self.shape[1] // PIXELS[0]), -(-self.shape[0] // PIXELS[1]), -(-len(like) // 4)

    def _packed(self, like: Tensor, inner: tuple[int, int], border: tuple[int, int] = (0, 0)) -> Tensor:
        size = (-(-len(like) // 4), inner[0] + 2 * border[0], inner[1] + 2 * border[1], 4)
        return torch.zeros(size, dtype=torch.float16 if self.half_storage else torch.float32, device=like.device)

    def _pack(self, array: Tensor, border: tuple[int, int]) -> Tensor:
        count, rows, columns = array.shape
        packed = self._packed(array, (rows, columns), border)
        grid = (-(-(columns + 2 * border[1]) // RAYS[0]), rows + 2 * border[0], len(packed))
        numbers = [np.int32(number) for number in (count, rows, columns, *border)]
        self.launch("pack", grid, RAYS, [array.contiguous(), packed, *numbers])
        return packed

    def _unpack(self, packed: Tensor, count: int, inner: tuple[int, int], border: tuple[int, int]) -> Tensor:
        result = torch.empty(count, *inner, device=packed.device)
        numbers = [np.int32(number) for number in (count, *inner, *border)]
        self.launch("unpack", (-(-inner[1] // RAYS[0]), inner[0], len(packed)), RAYS, [packed, result, *numbers])
        return result

    def _filter(self, name: str, device: torch.device) -> tuple[Tensor, Tensor]:
        return _filter(self.beam, max(self.shape) * self.pixel_mm / 2, name, device)

    def _in_batches(self, operator: Callable[[Tensor], Tensor], array: Tensor) -> Tensor:
        return torch.cat([operator(part) for part in torch.split(array, BATCH)]) if len(array) else operator(array)


@lru_cache(maxsize=16)
def _filter(beam: Beam, radius_mm: float, name: str, device: torch.device) -> tuple[Tensor, Tensor]:
    arrays = filter_matrix(beam, name), ray_weights(beam, radius_mm)
    matrix, weights = (torch.from_numpy(array).to(device, torch.float32) for array in arrays)
    return matrix, weights
