"""The slices without metal that lie beside those with some: what a method may learn of the same patient."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.worker.resampling import SliceFrame

MOST_CLEAN = 22
"""So many slices without metal at most, eleven to either side, as the near-hip network was published with."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """What is known of the scan of a case that belongs to no volume.

    Attributes:
        clean_hu: slices without metal on the case's grid, nearest to it first, float32 HU, `[slice, y, x]`.
        metal: of slices that have some, bool, `[slice, y, x]`.
    """

    clean_hu: Tensor
    metal: Tensor

    def __call__(self, count: int) -> tuple[Tensor, Tensor]:
        """At most so many of either."""
        return self.clean_hu[:count], self.metal[:count]


def nearest_clean(has_metal: NDArray[np.bool_], count: int) -> list[int]:
    """Indices of slices without metal, those next to metal first.

    Args:
        has_metal: bool, `[slice]`.
        count: at most so many.

    Example:
        >>> nearest_clean(np.array([False, False, True, False, True]), 2)
        [1, 3]
    """
    metal, clean = np.flatnonzero(has_metal), np.flatnonzero(~has_metal)
    if not metal.size:
        return []
    distance = np.abs(clean[:, None] - metal[None]).min(axis=1)
    return [int(k) for k in clean[np.argsort(distance, kind="stable")][:count]]


def neighbours(frame: SliceFrame, hu: NDArray[np.int16], mask: NDArray[np.bool_], count: int) -> tuple[Tensor, Tensor]:
    """Slices without metal, HU, and the metal of slices that have some, bool, both `[slice, y, x]` as cases have them.

    Args:
        frame: grid of the slices.
        hu: of the volume, `[slice, row, column]`.
        mask: its metal.
        count: at most so many of either; the metal's are spread over its slices.
    """
    has_metal = np.asarray(mask.any(axis=(1, 2)))
    with_metal = np.flatnonzero(has_metal)
    some = with_metal[np.unique(np.linspace(0, len(with_metal) - 1, min(count, len(with_metal))).astype(int))]
    clean = nearest_clean(has_metal, count)
    return frame.to_processing(hu[clean]), frame.mask_to_processing(mask[some])


def no_neighbours(_count: int) -> tuple[Tensor, Tensor]:
    """Of a case that belongs to no volume."""
    return torch.zeros((0, 1, 1)), torch.zeros((0, 1, 1), dtype=torch.bool)
