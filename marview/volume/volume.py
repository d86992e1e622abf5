"""A CT volume: HU on a grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.geometry import Grid

BODY_HU = -500
"""Threshold between air and body in HU."""


@dataclass(frozen=True, eq=False)
class Volume:
    """HU on a grid.

    Attributes:
        hu: int16 HU `[z, y, x]`, z from the foot end; read-only, possibly in shared memory.
        grid: grid of the voxels.
    """

    hu: NDArray[np.int16]
    grid: Grid

    def __repr__(self) -> str:
        size = " x ".join(f"{mm:.3g}" for mm in self.grid.spacing_mm)
        return f"Volume({len(self.hu)} slices of {self.hu.shape[1]} x {self.hu.shape[2]}, voxels of {size} mm)"

    def __post_init__(self) -> None:
        if self.hu.shape != self.grid.shape:
            raise ValueError(f"The HU have the shape {self.hu.shape}, but the grid has {self.grid.shape}.")
        if self.hu.dtype != np.int16:
            raise TypeError(f"A volume holds int16 HU, not {self.hu.dtype}.")
