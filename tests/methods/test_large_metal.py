"""Image-domain methods near large metal: NMAR's result, the slices that get it, and the choice of the network."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import max_pool1d

from marview.methods.api import MarCase
from marview.methods.dense_nmar import complete_nmar
from marview.methods.large_metal import LargeMetal, nmar_hu, slices_with_large_metal
from marview.methods.nmar import NmarSettings, nmar_prior
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from tests.methods.rod_case import CLIPPED_HU, STEEL_HU, TITANIUM_HU, case_of

AUTO = LargeMetal()


class QuietJob:
    """A job that is never cancelled."""

    def check_cancelled(self) -> None:
        pass


def with_wire(case: MarCase, number: int) -> MarCase:
    """The case with one pixel of metal in a slice instead of its rod."""
    case.hu[number][case.metal[number]] = 0
    case.metal[number] = False
    case.metal[number, 32, 24] = True
    case.hu[number, 32, 24] = 1500
    return case


def test_nmar_replaces_the_network_in_slices_with_large_metal_and_not_beside_a_wire() -> None:
    case = with_wire(case_of(TITANIUM_HU, STEEL_HU, CLIPPED_HU), 1)
    assert slices_with_large_metal(case, AUTO) == [0, 2]


def test_metal_that_stays_below_the_end_of_a_12_bit_scale_is_left_to_the_network() -> None:
    assert slices_with_large_metal(case_of(2500.0, CLIPPED_HU), AUTO) == [1]


def test_the_network_alone_may_be_chosen() -> None:
    assert slices_with_large_metal(case_of(STEEL_HU), LargeMetal(large_metal="network")) == []


def test_a_measured_sinogram_leaves_all_slices_to_the_network() -> None:
    clinical = case_of(STEEL_HU)
    assert slices_with_large_metal(case_of(STEEL_HU, measured_sinogram=clinical.sinogram), AUTO) == []


def test_slices_without_metal_mask_are_left_to_the_network() -> None:
    case = case_of(STEEL_HU, TITANIUM_HU)
    case.metal[0] = False
    assert slices_with_large_metal(case, AUTO) == [1]
    case.metal[1] = False
    assert slices_with_large_metal(case, AUTO) == []


@pytest.mark.parametrize("numbered", [True, False])
def test_the_result_is_that_of_nmar_with_a_note(numbered: bool) -> None:
    case = case_of(TITANIUM_HU, STEEL_HU, **({} if numbered else {"slice_indices": ()}))
    found, note = nmar_hu(case, 1, QuietJob())
    alone = case_of(STEEL_HU)
    completed = complete_nmar(alone, alone.projector.forward(nmar_prior(alone)), NmarSettings())
    torch.testing.assert_close(found, mu_to_hu(alone.reconstruct(completed))[0])
    assert note.slice_index == (4 if numbered else 1)
    assert "NMAR was used instead" in str(note)
    assert note.made_by == "NMAR"


@pytest.mark.parametrize("metal_hu", [TITANIUM_HU, STEEL_HU, CLIPPED_HU])
def test_the_result_explains_the_measured_rays_beside_the_trace_as_well_as_interpolation(metal_hu: float) -> None:
    case = case_of(metal_hu)
    wider = max_pool1d(case.trace.float(), 5, stride=1, padding=2) > 0

    def error(mu: Tensor) -> float:
        left = case.projector.forward(mu) - case.sinogram
        return float(left[wider & ~case.trace].square().mean().sqrt())

    found, _ = nmar_hu(case, 0, QuietJob())
    assert error(hu_to_mu(found[None])) <= 1.01 * error(case.li_mu)
