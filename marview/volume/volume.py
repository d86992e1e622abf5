"""CT volumes: HU on a grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.errors import UsageError
from marview.geometry import Grid

BODY_HU = -500
"""Threshold between air and the body in HU."""


@dataclass(frozen=True, eq=False)
class Volume:
    """A CT volume: HU on a grid.

    Attributes:
        hu: int16 HU `[z, y, x]`, with slices counted from the foot end. Do not change it, because it may be
            in shared memory.
        grid: positions of the voxels, with the same shape as `hu`.

    Raises:
        UsageError: HU and grid differ in shape, or the HU are not int16.

    Examples:
        >>> hu = np.full((3, 4, 4), 40, np.int16)
        >>> Volume(hu, Grid.from_spacing(hu.shape, (2.5, 0.8, 0.8)))
        Volume(3 slices of 4 x 4, voxels of 2.5 x 0.8 x 0.8 mm)
    """

    hu: NDArray[np.int16]
    grid: Grid

    def __repr__(self) -> str:
        size = " x ".join(f"{mm:.3g}" for mm in self.grid.spacing_mm)
        return f"Volume({len(self.hu)} slices of {self.hu.shape[1]} x {self.hu.shape[2]}, voxels of {size} mm)"

    def __post_init__(self) -> None:
        if self.hu.shape != self.grid.shape:
            raise UsageError(f"The HU array has shape {self.hu.shape}, but the grid has shape {self.grid.shape}.")
        if self.hu.dtype != np.int16:
            raise UsageError(
                f"A volume needs HU of type int16, not {self.hu.dtype}. Round the HU: hu.round().astype(np.int16)."
            )
