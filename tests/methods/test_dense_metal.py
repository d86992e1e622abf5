"""Clinical slices with dense metal, by the attenuation of the metal and by restored streaks."""

import torch

from marview.methods.api import MarCase
from marview.methods.dense_metal import dense_slices, reasons_for_nmar, streaky_slices
from tests.methods.rod_case import BEAM, CLIPPED_HU, PIXEL_MM, STEEL_HU, TITANIUM_HU, case_of


def test_metal_denser_than_titanium_is_dense() -> None:
    assert dense_slices(case_of(TITANIUM_HU, STEEL_HU)) == [1]


def test_a_clipped_scale_does_not_tell_so_no_slice_is_dense() -> None:
    assert dense_slices(case_of(CLIPPED_HU)) == []


def test_a_clipped_slice_with_broad_restored_streaks_is_left_to_nmar() -> None:
    case = case_of(CLIPPED_HU, CLIPPED_HU, TITANIUM_HU)
    case.hu[0, 30, 15] = -1500
    case.hu[1:, 28:38, 10:20] = -1500
    assert list(reasons_for_nmar(case)) == [1]


def test_a_slice_without_metal_is_not_dense() -> None:
    case = case_of(STEEL_HU)
    assert dense_slices(MarCase(case.hu, torch.zeros_like(case.metal), PIXEL_MM, BEAM)) == []


def test_slices_with_a_measured_sinogram_are_left_to_the_network() -> None:
    case = case_of(STEEL_HU)
    assert dense_slices(case_of(STEEL_HU, measured_sinogram=case.sinogram)) == []


def test_strong_streaks_on_a_clipped_scale_are_found_only_if_asked_for() -> None:
    case = case_of(CLIPPED_HU, CLIPPED_HU, TITANIUM_HU)
    y, x = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 23.5, indexing="ij")
    streaks = 1500 * torch.sign(torch.cos(8 * torch.atan2(y, x)))
    for k in (1, 2):
        case.hu[k] = torch.where(case.metal[k], case.hu[k], (case.hu[k] + streaks).clamp(min=-1000))
    assert streaky_slices(case) == [1]
    assert not reasons_for_nmar(case)
    assert list(reasons_for_nmar(case, dense=False, streaky=True)) == [1]
