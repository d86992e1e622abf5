"""Forward projection, FBP and their transposes in PyTorch, for GPUs without CuPy.

These operators are slow, but they run on any device.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from marview.geometry import Beam
from marview.projection.detector import FLAT, PARALLEL, detector
from marview.projection.ramp import filter_matrix, ray_weights
from marview.projection.rays import PAD, rays


@dataclass(frozen=True)
class Operators:
    """Forward projection, FBP and their transposes for one beam and one image size, computed view by view.

    Arrays are images `[slice, y, x]` or sinograms `[slice, view, bin]`.
    """

    beam: Beam
    shape: tuple[int, int]
    pixel_mm: float

    def forward(self, image: Tensor) -> Tensor:
        """Project images `[slice, y, x]` to sinograms `[slice, view, bin]`."""
        flat = torch.nn.functional.pad(image, (PAD, PAD, PAD, PAD)).flatten(1)
        views = []
        for low, aside, part, length in self._samples(image):
            values = flat[:, low] * (1 - part) + flat[:, low + aside] * part
            views.append((values * length).sum(-1))
        return torch.stack(views, 1)

    def adjoint(self, sinogram: Tensor) -> Tensor:
        """Apply the transpose of `forward`: sinograms `[slice, view, bin]` to images `[slice, y, x]`."""
        height, width = (count + 2 * PAD for count in self.shape)
        flat = sinogram.new_zeros(len(sinogram), height * width)
        for view, (low, aside, part, length) in enumerate(self._samples(sinogram)):
            value = sinogram[:, view, :, None] * length
            flat.index_add_(1, low.flatten(), (value * (1 - part)).flatten(1))
            flat.index_add_(1, (low + aside).flatten(), (value * part).flatten(1))
        return flat.view(-1, height, width)[:, PAD:-PAD, PAD:-PAD].contiguous()

    def fbp(self, sinogram: Tensor, name: str) -> Tensor:
        """Reconstruct images `[slice, y, x]` from sinograms `[slice, view, bin]`."""
        matrix, weights = self._filter(sinogram, name)
        filtered = torch.nn.functional.pad((sinogram * weights) @ matrix, (1, 1))
        image = sinogram.new_zeros(len(sinogram), self.shape[0] * self.shape[1])
        for view, (low, part, weight) in enumerate(self._places(sinogram)):
            seen = filtered[:, view]
            image += weight * (seen[:, low] * (1 - part) + seen[:, low + 1] * part)
        return image.view(-1, *self.shape)

    def fbp_adjoint(self, image: Tensor, name: str) -> Tensor:
        """Apply the transpose of `fbp`: images `[slice, y, x]` to sinograms `[slice, view, bin]`."""
        matrix, weights = self._filter(image, name)
        flat = image.flatten(1)
        filtered = image.new_zeros(len(image), self.beam.views, self.beam.bins + 3)
        for view, (low, part, weight) in enumerate(self._places(image)):
            filtered[:, view].index_add_(1, low, flat * weight * (1 - part))
            filtered[:, view].index_add_(1, low + 1, flat * weight * part)
        return (filtered[:, :, 1 : self.beam.bins + 1] @ matrix) * weights

    def _filter(self, like: Tensor, name: str) -> tuple[Tensor, Tensor]:
        radius = max(self.shape) * self.pixel_mm / 2
        return self._like(filter_matrix(self.beam, name), like), self._like(ray_weights(self.beam, radius), like)

    def _like(self, array: Any, like: Tensor) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(like)

    def _samples(self, like: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Yield, per view, the lower pixel, the step to the upper pixel, its weight and the length, `[bin, step]`."""
        plan = rays(self.beam, self.shape, self.pixel_mm, str(like.dtype).removeprefix("torch."))
        row = self.shape[1] + 2 * PAD
        step = torch.arange(max(self.shape), device=like.device)
        for view in range(self.beam.views):
            here = slice(view * self.beam.bins, (view + 1) * self.beam.bins)
            place, slope, length = (
                self._like(array[here, None], like) for array in (plan.place, plan.slope, plan.length)
            )
            first, last, by_column = (
                torch.from_numpy(array[here, None]).to(like.device) for array in (plan.first, plan.last, plan.by_column)
            )
            inside = (step >= first) & (step < last)
            at = torch.where(inside, place + PAD + slope * step, 0)
            along, aside = torch.where(by_column, 1, row), torch.where(by_column, row, 1)
            low = at.long()
            part = at - low
            yield torch.where(inside, (step + PAD) * along + low * aside, 0), aside, part, length * inside

    def _places(self, like: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield, for each view, the lower bin, the weight of the upper bin and the distance weight, `[pixel]`."""
        seen = detector(self.beam, self.pixel_mm, str(like.dtype).removeprefix("torch."))
        distance, scale, middle, pixel = (float(value) for value in seen.numbers)
        height, width = self.shape
        y = (torch.arange(height, device=like.device, dtype=like.dtype)[:, None] - (height - 1) / 2) * pixel
        x = (torch.arange(width, device=like.device, dtype=like.dtype) - (width - 1) / 2) * pixel
        for view in range(self.beam.views):
            c, s = float(seen.cosine[view]), float(seen.sine[view])
            along, depth = x * c + y * s, distance - x * s + y * c
            if seen.kind == PARALLEL:
                at, weight = along * scale, torch.ones_like(along)
            elif seen.kind == FLAT:
                at, weight = along * distance / depth * scale, (distance / depth) ** 2
            else:
                at = torch.arctan(along / depth) * scale
                weight = distance**2 / (along**2 + depth**2)
            at = (at + middle).clamp(0, self.beam.bins + 1).flatten()
            low = at.long().clamp(max=self.beam.bins)
            yield low, at - low, weight.flatten()
