"""Re-projections of a volume's slices, kept from one run of a sweep to the next: only the mask differs."""

from collections.abc import Hashable

import torch
from torch import Tensor

from marview.methods.api import MarCase

LIMIT_BYTES = 512 * 2**20
"""About three hundred slices; those beyond are projected in every run."""


class Reprojections:
    """Sinograms of the slices of one volume, by slice; in main memory, wherever methods run."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._volume: Hashable = None
        self._kept: dict[int, Tensor] = {}

    def begin(self, volume: Hashable) -> None:
        """Forget what is kept of another volume; None forgets everything."""
        if volume is None or volume != self._volume:
            self._kept.clear()
        self._volume = volume

    def give(self, case: MarCase) -> int:
        """Give a case the sinograms of its slices; tells how many of them had to be projected."""
        missing = [n for n, k in enumerate(case.slice_indices) if k not in self._kept]
        parts: dict[int, Tensor] = {}
        if missing:
            fresh = case.projector.forward(case.mu[missing])
            for n, sinogram in zip(missing, fresh, strict=True):
                parts[n] = sinogram
                self._keep(case.slice_indices[n], sinogram)
        rows = [parts[n] if n in parts else self._kept[k].to(case.hu.device) for n, k in enumerate(case.slice_indices)]
        # Stacked, so that a method that writes to its sinogram spoils no other run; it takes the place of the cached
        # property and not of `measured_sinogram`, which would say that there are raw data.
        vars(case)["sinogram"] = torch.stack(rows)
        return len(missing)

    def _keep(self, slice_index: int, sinogram: Tensor) -> None:
        size = sinogram.numel() * sinogram.element_size()
        if (len(self._kept) + 1) * size <= self._limit_bytes:
            self._kept[slice_index] = sinogram.detach().cpu().clone()
