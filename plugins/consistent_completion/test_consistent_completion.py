"""Tests for consistent completion on simulated scans with a known ground truth."""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from marview.geometry import FanBeamArc
from marview.methods.api import Cancelled, MarCase
from marview.methods.nmar import NmarSettings, complete_normalized, nmar_prior
from marview.physics import MISMATCHED, Protocol, Scanner, Simulation, simulate
from marview.physics.attenuation import mu_to_hu
from marview.worker.loading import LoadedMethod

SCAN = Protocol(
    name="small",
    beam=FanBeamArc(views=180, bins=185, source_to_isocentre_mm=570.0, bin_rad=0.005),
    shape=(96, 96),
    pixel_mm=4.0,
    source="tests",
)


class SilentJob:
    device = torch.device("cpu")
    log = logging.getLogger("test")

    def progress(self, fraction: float, text: str = "") -> None:
        assert 0 <= fraction <= 1

    def output(self, name: str, slice_index: int, array: Tensor) -> None: ...

    def check_cancelled(self) -> None: ...


def disc(radius_mm: float, x_mm: float = 0.0, y_mm: float = 0.0) -> np.ndarray:
    y, x = (np.mgrid[:96, :96] - 47.5) * 4.0
    return np.hypot(x - x_mm, y - y_mm) < radius_mm


def scanned(metal: str = "ti", scanner: Scanner | None = None) -> Simulation:
    """Return a simulated scan of three slices of a body: two with metal pins and one without metal."""
    body = np.where(disc(150), 0.0, -1000.0).astype(np.float32)
    body[disc(25, 0, 60)] = 900
    body[disc(12, 20, -40)] = -400
    pins = (disc(9, -60) | disc(9, 60)).astype(np.float32)
    shares = np.stack([pins, np.roll(pins, 6, axis=0), np.zeros_like(pins)])
    return simulate(np.stack([body] * 3), {metal: shares}, SCAN, scanner=scanner)


def case_of(simulation: Simulation, *, is_clinical: bool = False) -> MarCase:
    return MarCase(
        hu=mu_to_hu(simulation.image).clamp(min=-1000),
        metal=simulation.metal,
        pixel_mm=SCAN.pixel_mm,
        beam=SCAN.beam,
        slice_indices=[4, 5, 6],
        measured_sinogram=None if is_clinical else simulation.sinogram,
        measured_trace=simulation.trace,
    )


@pytest.fixture(scope="module")
def titanium() -> Simulation:
    return scanned()


def rmse(hu: Tensor, simulation: Simulation) -> float:
    outside = ~simulation.metal[:2]
    return float((hu[:2].clamp(-1000, 1604) - simulation.truth_hu[:2])[outside].square().mean().sqrt())


def run(loaded: LoadedMethod, case: MarCase, **values: Any) -> Any:
    return loaded.method.run(case, loaded.parameters(values), SilentJob())


def nmar_completed(case: MarCase) -> Tensor:
    return complete_normalized(case, case.projector.forward(nmar_prior(case)), NmarSettings())


def nmar_hu(case: MarCase) -> Tensor:
    return mu_to_hu(case.reconstruct(nmar_completed(case)))


def test_loop_and_rays_through_titanium_each_reduce_the_error(loaded: LoadedMethod, titanium: Simulation) -> None:
    case = case_of(titanium)
    start = rmse(nmar_hu(case), titanium)
    loop = rmse(run(loaded, case, rays_through="no metal").hu, titanium)
    both = rmse(run(loaded, case).hu, titanium)
    assert both < 0.95 * loop < 0.95 * start


@pytest.mark.parametrize("pixels", [-1, 1])
def test_a_mask_that_is_too_narrow_or_wide_is_fitted_to_the_rays(
    loaded: LoadedMethod, titanium: Simulation, pixels: int
) -> None:
    case = case_of(titanium)
    exact = rmse(run(loaded, case).hu, titanium)
    other = replace(case, metal=_moved(case.metal, pixels), measured_trace=None)
    fitted, kept = run(loaded, other), run(loaded, other, fits_mask=False)
    assert rmse(fitted.hu, titanium) < 1.3 * exact
    assert rmse(fitted.hu, titanium) < 0.9 * rmse(kept.hu, titanium)
    assert sum("do not fit the mask" in str(note) for note in fitted.notes) == 2  # the third slice has no metal


def _moved(mask: Tensor, pixels: int) -> Tensor:
    """Grow or shrink a mask by one pixel."""
    grown = torch.nn.functional.max_pool2d((mask if pixels > 0 else ~mask)[:, None].float(), 3, 1, 1)[:, 0] > 0
    return grown if pixels > 0 else ~grown


def test_another_scanner_than_the_model_does_not_spoil_the_result(loaded: LoadedMethod) -> None:
    other = scanned("ti6al4v", MISMATCHED)
    case = case_of(other)
    assert rmse(run(loaded, case).hu, other) < 0.8 * rmse(nmar_hu(case), other)


def test_copper_in_the_beam_is_found_by_the_rays_through_metal(loaded: LoadedMethod, room: Any) -> None:
    parameters = loaded.parameters({})
    found = [
        room.reconstruction.reconstruct(case_of(scanned(scanner=Scanner(filtration_mm=copper_mm))), parameters)
        for copper_mm in (0.0, 0.1)
    ]
    without, filtered = (each.copper_mm for each in found)
    assert all(more > less + 0.03 for less, more in zip(without[:2], filtered[:2], strict=True))
    assert without[2] == filtered[2] == 0  # no metal, so no note


def test_rays_through_dense_metal_are_left_out_with_a_note(loaded: LoadedMethod) -> None:
    amalgam = scanned("amalgam")
    case = case_of(amalgam)
    result = run(loaded, case)
    assert rmse(result.hu, amalgam) < rmse(nmar_hu(case), amalgam)
    told = [str(note) for note in result.notes]
    assert sum("were not used" in each for each in told) == 2  # the third slice has no metal


def test_rays_through_titanium_are_used_although_the_prior_is_far_off(
    loaded: LoadedMethod, room: Any, titanium: Simulation
) -> None:
    case = case_of(titanium)
    far_off = torch.where(case.trace, case.sinogram.amax(dim=2, keepdim=True) / 2, case.sinogram)
    far_off = torch.lerp(nmar_completed(case), far_off, 0.3)
    found = room.reconstruction.reconstruct(case, loaded.parameters({}), completed=far_off)
    assert found.is_trusted[:2] == [True, True]
    assert rmse(mu_to_hu(found.tissue), titanium) < 0.7 * rmse(mu_to_hu(case.projector.fbp(far_off)), titanium)


def test_rays_through_another_metal_than_the_user_names_are_left_out(loaded: LoadedMethod) -> None:
    steel = scanned("316l")
    told = [str(note) for note in run(loaded, case_of(steel), material="ti").notes]
    assert sum("is given as titanium, which does not explain its rays" in each for each in told) == 2
    assert sum("were not used" in each for each in told) == 2


def test_rays_that_are_used_although_the_metal_does_not_explain_them_get_a_note(loaded: LoadedMethod) -> None:
    told = [str(note) for note in run(loaded, case_of(scanned("316l")), material="ti", rays_through="any metal").notes]
    assert sum("may be worse than interpolation" in each for each in told) == 2


def test_a_beam_softer_than_the_model_gets_a_note(loaded: LoadedMethod, titanium: Simulation) -> None:
    case = case_of(titanium)
    assert not any("softer" in str(note) for note in run(loaded, case).notes)
    told = [str(note) for note in run(loaded, case, filtration_mm=0.5).notes]
    assert sum("the beam looks softer than the modelled beam" in each for each in told) == 2


def test_a_tube_voltage_may_be_a_number(loaded: LoadedMethod) -> None:
    assert loaded.parameters({"tube_kv": 100}).model_dump()["tube_kv"] == "100"


def test_a_slice_without_metal_is_unchanged(loaded: LoadedMethod, titanium: Simulation) -> None:
    case = case_of(titanium)
    assert torch.equal(run(loaded, case).hu[2], case.hu[2])


def test_outside_the_trace_the_sinogram_is_measured(loaded: LoadedMethod, titanium: Simulation) -> None:
    case = case_of(titanium)
    corrected = run(loaded, case).corrected_sinogram
    assert torch.equal(corrected[~case.trace], case.sinogram[~case.trace])


def test_a_clinical_image_keeps_the_result_of_nmar_with_a_note(loaded: LoadedMethod, titanium: Simulation) -> None:
    case = case_of(titanium, is_clinical=True)
    result = run(loaded, case)
    assert torch.equal(result.hu, nmar_hu(case))
    assert [note.made_by for note in result.notes] == ["NMAR"] * int(case.metal.flatten(1).any(dim=1).sum())
    assert "NMAR was used instead" in str(result.notes[0])


def test_slices_of_a_batch_do_not_see_each_other(loaded: LoadedMethod, titanium: Simulation) -> None:
    case = case_of(titanium)
    alone = MarCase(case.hu[1:2], case.metal[1:2], case.pixel_mm, case.beam, [5], case.sinogram[1:2], case.trace[1:2])
    assert torch.allclose(run(loaded, case).hu[1:2], run(loaded, alone).hu, atol=0.5)


@pytest.mark.parametrize(
    ("name", "alike"), [("ti", {"ti"}), ("316l", {"316l", "cocrmo"}), ("amalgam", {"amalgam", "au"})]
)
def test_the_material_is_found(loaded: LoadedMethod, room: Any, name: str, alike: set[str]) -> None:
    case = case_of(scanned(name))
    parameters = loaded.parameters({})
    scan, _ = room.first_step.begin(case, room.first_step.scan_model(case, parameters), parameters)
    assert {metal.name for metal in scan.metals[:2]} <= alike


def test_a_run_can_be_cancelled(loaded: LoadedMethod, titanium: Simulation) -> None:
    class Stopped(SilentJob):
        asked = 0

        def check_cancelled(self) -> None:
            self.asked += 1
            if self.asked > 5:
                raise Cancelled

    with pytest.raises(Cancelled):
        loaded.method.run(case_of(titanium), loaded.parameters({}), Stopped())
