"""Re-projections of a volume's slices, kept for the next run of a sweep, because only the mask changes."""

from collections.abc import Hashable

import torch
from torch import Tensor

from marview.methods.api import MarCase

LIMIT_BYTES = 512 * 2**20
"""Size of the cache, for about 300 slices; further slices are projected in every run."""


class Reprojections:
    """Sinograms of the slices of one volume, by slice, in main memory for every device."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._volume: Hashable = None
        self._kept: dict[int, Tensor] = {}

    def begin(self, volume: Hashable) -> None:
        """Drop the sinograms of any other volume; None drops all."""
        if volume is None or volume != self._volume:
            self._kept.clear()
        self._volume = volume

    def give(self, case: MarCase) -> int:
        """Attach sinograms to the slices of a case; return the number of new projections."""
        missing = [n for n, k in enumerate(case.slice_indices) if k not in self._kept]
        parts: dict[int, Tensor] = {}
        if missing:
            fresh = case.projector.forward(case.mu[missing])
            for n, sinogram in zip(missing, fresh, strict=True):
                parts[n] = sinogram
                self._keep(case.slice_indices[n], sinogram)
        rows = [parts[n] if n in parts else self._kept[k].to(case.hu.device) for n, k in enumerate(case.slice_indices)]
        # Stacked, so that a method that writes to its sinogram changes no other run. It replaces the cached property,
        # not `measured_sinogram`, which would mean that there are raw data.
        vars(case)["sinogram"] = torch.stack(rows)
        return len(missing)

    def _keep(self, slice_index: int, sinogram: Tensor) -> None:
        size = sinogram.numel() * sinogram.element_size()
        if (len(self._kept) + 1) * size <= self._limit_bytes:
            self._kept[slice_index] = sinogram.detach().cpu().clone()
