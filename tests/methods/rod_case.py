"""A body of water with a bone and a metal rod, as a case."""

import numpy as np
import torch

from marview.geometry import ParallelBeam
from marview.methods.api import MarCase

SIZE, PIXEL_MM = 64, 4.0
BEAM = ParallelBeam(views=60, bins=93, bin_mm=PIXEL_MM)
TITANIUM_HU, STEEL_HU, CLIPPED_HU = 7000.0, 16_000.0, 3071.0


def case_of(*metal_hu: float, **changes: object) -> MarCase:
    """One slice for each metal: an oval of water with a bone and a rod."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    body = np.where((x / 26) ** 2 + (y / 20) ** 2 < 1, 0.0, -1000.0)
    body[np.hypot(x - 12, y) < 4] = 800
    rod = np.hypot(x + 8, y) < 3.5
    hu = torch.from_numpy(np.stack([np.where(rod, each, body) for each in metal_hu])).float()
    metal = torch.from_numpy(np.stack([rod] * len(metal_hu)))
    given = {"hu": hu, "metal": metal, "pixel_mm": PIXEL_MM, "beam": BEAM, "slice_indices": range(3, 3 + len(hu))}
    return MarCase(**given | changes)
