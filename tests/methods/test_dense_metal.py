"""Clinical slices with dense metal, by the attenuation of the metal and by restored streaks."""

import numpy as np
import torch

from marview.geometry import ParallelBeam
from marview.methods.api import MarCase
from marview.methods.dense_metal import dense_slices, slices_of_nmar

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


def test_metal_denser_than_titanium_is_dense() -> None:
    assert dense_slices(case_of(TITANIUM_HU, STEEL_HU)) == [1]


def test_a_clipped_scale_does_not_tell_so_no_slice_is_dense() -> None:
    assert dense_slices(case_of(CLIPPED_HU)) == []


def test_a_clipped_slice_with_broad_restored_streaks_is_left_to_nmar() -> None:
    case = case_of(CLIPPED_HU, CLIPPED_HU, TITANIUM_HU)
    case.hu[0, 30, 15] = -1500
    case.hu[1:, 28:38, 10:20] = -1500
    assert slices_of_nmar(case) == [1]


def test_a_slice_without_metal_is_not_dense() -> None:
    case = case_of(STEEL_HU)
    assert dense_slices(MarCase(case.hu, torch.zeros_like(case.metal), PIXEL_MM, BEAM)) == []


def test_slices_with_a_measured_sinogram_are_left_to_the_network() -> None:
    case = case_of(STEEL_HU)
    assert dense_slices(case_of(STEEL_HU, measured_sinogram=case.sinogram)) == []
