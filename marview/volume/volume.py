"""A CT volume: HU on a grid."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marview.geometry import Grid

BODY_HU = -500
"""Above it lies the body, below it air."""


@dataclass(frozen=True, eq=False)
class Volume:
    """HU on a grid.

    Attributes:
        hu: int16 HU, `[z, y, x]`, z from the foot end. May lie in shared memory; nobody writes to it.
        grid: where its voxels are.
    """

    hu: NDArray[np.int16]
    grid: Grid

    def __post_init__(self) -> None:
        if self.hu.shape != self.grid.shape:
            raise ValueError(f"HU of shape {self.hu.shape} on a grid of shape {self.grid.shape}")
        if self.hu.dtype != np.int16:
            raise TypeError(f"a volume holds int16 HU, not {self.hu.dtype}")
