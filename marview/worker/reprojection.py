"""Cache the forward projections of slices for the next run of a sweep, which changes only the mask."""

from collections.abc import Hashable

import torch
from torch import Tensor

from marview.methods.api import MarCase

LIMIT_BYTES = 512 * 2**20
"""Size of the cache in bytes, for about 300 slices; further slices are projected again in every run."""


class Reprojections:
    """In-memory cache of the sinograms of a volume, keyed by slice."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._volume: Hashable = None
        self._kept: dict[int, Tensor] = {}

    def begin(self, volume: Hashable) -> None:
        """Switch to a volume and drop the sinograms of any other volume; None drops all sinograms."""
        if volume is None or volume != self._volume:
            self._kept.clear()
        self._volume = volume

    def give(self, case: MarCase) -> int:
        """Set a case's sinogram from the cache; project slices not in the cache, and return their number."""
        missing = [n for n, k in enumerate(case.slice_indices) if k not in self._kept]
        parts: dict[int, Tensor] = {}
        if missing:
            fresh = case.projector.forward(case.mu[missing])
            for n, sinogram in zip(missing, fresh, strict=True):
                parts[n] = sinogram
                self._keep(case.slice_indices[n], sinogram)
        rows = [parts[n] if n in parts else self._kept[k].to(case.hu.device) for n, k in enumerate(case.slice_indices)]
        # Stacking copies the sinograms, so a method that changes its sinogram does not affect other runs. The copy
        # replaces the cached property and not `measured_sinogram`, because that would indicate raw data.
        vars(case)["sinogram"] = torch.stack(rows)
        return len(missing)

    def _keep(self, slice_index: int, sinogram: Tensor) -> None:
        size = sinogram.numel() * sinogram.element_size()
        if (len(self._kept) + 1) * size <= self._limit_bytes:
            self._kept[slice_index] = sinogram.detach().cpu().clone()
