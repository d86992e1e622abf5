"""The four linear operators on the CPU, from torch tensors to packed arrays and back."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from marview.geometry import Beam
from marview.projection import backprojection, joseph
from marview.projection.ramp import filter_matrix, ray_weights
from marview.projection.rays import PAD, Rays, rays

BATCH = 64


@dataclass(frozen=True)
class Operators:
    """Forward projection, FBP and their transposes for one beam and image, `[slice, ...]` float32 or float64."""

    beam: Beam
    shape: tuple[int, int]
    pixel_mm: float

    def _plan(self, like: Tensor) -> Rays:
        return rays(self.beam, self.shape, self.pixel_mm, str(like.dtype).removeprefix("torch."))

    def forward(self, image: Tensor) -> Tensor:
        """`[slice, y, x]` -> `[slice, view, bin]`."""

        def one(part: Tensor, lanes: int) -> Tensor:
            packed = joseph.project(self._plan(part), self._pack_image(part, lanes), self.shape, self.beam.views, lanes)
            return self._unpack_sinogram(torch.from_numpy(packed), lanes)

        return _in_batches(one, image)

    def adjoint(self, sinogram: Tensor) -> Tensor:
        """`[slice, view, bin]` -> `[slice, y, x]`, the transpose of `forward`."""

        def one(part: Tensor, lanes: int) -> Tensor:
            packed = joseph.spread(
                self._plan(part), self._pack_sinogram(part, lanes).ravel().numpy(), self.shape, lanes
            )
            return self._unpack_image(packed, lanes)

        return _in_batches(one, sinogram)

    def fbp(self, sinogram: Tensor, name: str) -> Tensor:
        """`[slice, view, bin]` -> `[slice, y, x]`."""

        def one(part: Tensor, lanes: int) -> Tensor:
            matrix, weights = self._filter(part, name)
            packed = self._pack_sinogram(part, lanes, spare=1)
            inner = packed[:-lanes].view(self.beam.views, self.beam.bins, lanes)
            torch.matmul(matrix, inner * weights[:, :, None], out=inner)
            image = backprojection.gather(self.beam, packed.numpy(), self.shape, self.pixel_mm, lanes)
            return self._unpack_image(image, lanes)

        return _in_batches(one, sinogram)

    def fbp_adjoint(self, image: Tensor, name: str) -> Tensor:
        """`[slice, y, x]` -> `[slice, view, bin]`, the transpose of `fbp`."""

        def one(part: Tensor, lanes: int) -> Tensor:
            matrix, weights = self._filter(part, name)
            packed = backprojection.scatter(self.beam, self._pack_image(part, lanes), self.shape, self.pixel_mm, lanes)
            inner = torch.from_numpy(packed).view(self.beam.views, self.beam.bins, lanes)
            return self._unpack_sinogram(torch.matmul(matrix, inner) * weights[:, :, None], lanes)

        return _in_batches(one, image)

    def _filter(self, like: Tensor, name: str) -> tuple[Tensor, Tensor]:
        field_mm = max(self.shape) * self.pixel_mm / 2
        return (
            torch.from_numpy(filter_matrix(self.beam, name)).to(like.dtype),
            torch.from_numpy(ray_weights(self.beam, field_mm)).to(like.dtype),
        )

    def _pack_image(self, image: Tensor, lanes: int) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
        height, width = self.shape
        packed = torch.zeros(height + 2 * PAD, width + 2 * PAD, lanes, dtype=image.dtype)
        packed[PAD : PAD + height, PAD : PAD + width, : len(image)] = image.permute(1, 2, 0)
        return packed.ravel().numpy()

    def _unpack_image(self, packed: "np.ndarray[tuple[int], np.dtype[np.float32]]", lanes: int) -> Tensor:
        height, width = self.shape
        image = torch.from_numpy(packed).view(height + 2 * PAD, width + 2 * PAD, lanes)
        return image[PAD : PAD + height, PAD : PAD + width].permute(2, 0, 1)

    def _pack_sinogram(self, sinogram: Tensor, lanes: int, spare: int = 0) -> Tensor:
        """Flat, slices innermost, with `spare` empty bins behind the last."""
        views, bins = self.beam.views, self.beam.bins
        packed = torch.zeros((views * bins + spare) * lanes, dtype=sinogram.dtype)
        packed[: views * bins * lanes].view(views, bins, lanes)[:, :, : len(sinogram)] = sinogram.permute(1, 2, 0)
        return packed

    def _unpack_sinogram(self, packed: Tensor, lanes: int) -> Tensor:
        return packed.view(self.beam.views, self.beam.bins, lanes).permute(2, 0, 1)


def _in_batches(operator, array: Tensor) -> Tensor:  # type: ignore[no-untyped-def]  # noqa: ANN001
    parts = []
    for part in torch.split(array, BATCH):
        lanes = next(lanes for lanes in (8, 32, 64) if len(part) <= lanes)
        parts.append(operator(part, lanes)[: len(part)])
    return torch.cat(parts).contiguous()
