"""Provide other slices of the scan to a method: slices without metal for training, and adjacent slices."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marview.worker.resampling import SliceFrame

MOST_CLEAN = 22
"""Largest number of slices without metal: eleven on each side of the metal, as in the paper on the near-hip network."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Other slices of a scan, for a case that was read from a file and has no volume.

    Attributes:
        clean_hu: metal-free slices, resampled to the grid of the case, nearest to metal first; float32 HU
            `[slice, y, x]`.
        metal: metal masks of slices with metal; bool `[slice, y, x]`.
    """

    clean_hu: Tensor
    metal: Tensor

    def __call__(self, count: int) -> tuple[Tensor, Tensor]:
        """Return at most `count` slices without metal, and at most `count` masks."""
        return self.clean_hu[:count], self.metal[:count]


def nearest_clean(has_metal: NDArray[np.bool_], count: int) -> list[int]:
    """Return the indices of slices without metal, nearest to metal first.

    Args:
        has_metal: bool array `[slice]`.
        count: maximum number of indices.

    Examples:
        >>> nearest_clean(np.array([False, False, True, False, True]), 2)
        [1, 3]
    """
    metal, clean = np.flatnonzero(has_metal), np.flatnonzero(~has_metal)
    if not metal.size:
        return []
    distance = np.abs(clean[:, None] - metal[None]).min(axis=1)
    return [int(k) for k in clean[np.argsort(distance, kind="stable")][:count]]


def neighbours(frame: SliceFrame, hu: NDArray[np.int16], mask: NDArray[np.bool_], count: int) -> tuple[Tensor, Tensor]:
    """Return metal-free slices in HU and masks of slices with metal, `[slice, y, x]` on the processing grid.

    Args:
        frame: grid of the slices.
        hu: volume, HU `[slice, row, column]`.
        mask: metal mask of the volume.
        count: maximum number of slices and of masks; the masks are evenly distributed over the slices with
            metal.
    """
    has_metal = np.asarray(mask.any(axis=(1, 2)))
    with_metal = np.flatnonzero(has_metal)
    some = with_metal[np.unique(np.linspace(0, len(with_metal) - 1, min(count, len(with_metal))).astype(int))]
    clean = nearest_clean(has_metal, count)
    return frame.to_processing(hu[clean]), frame.mask_to_processing(mask[some])


def no_neighbours(_count: int) -> tuple[Tensor, Tensor]:
    """Return no neighbours, for a case without a volume."""
    return torch.zeros((0, 1, 1)), torch.zeros((0, 1, 1), dtype=torch.bool)


def beside(frame: SliceFrame, hu: NDArray[np.int16], slice_index: int, reach: int) -> Tensor:
    """Return a slice and `reach` slices on each side, HU `[slice, y, x]`; the end slices are repeated.

    Args:
        frame: grid of the slices.
        hu: volume, HU `[slice, row, column]`.
        slice_index: index of the middle slice.
        reach: number of slices on each side.
    """
    wanted = np.arange(slice_index - reach, slice_index + reach + 1).clip(0, len(hu) - 1)
    return frame.to_processing(hu[wanted])


def none_beside(_slice_index: int, _reach: int) -> Tensor:
    """Return no adjacent slices, for a case without a volume."""
    return torch.zeros((0, 1, 1))
