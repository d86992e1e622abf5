"""Tests for NMAR on a phantom with a known ground truth."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from marview.errors import UsageError
from marview.methods.api import MarCase, MarResult
from marview.methods.nmar import NmarSettings, complete_normalized
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from marview.worker.front_end import processing_beam
from marview.worker.loading import LoadedMethod, load_method
from marview.worker.resampling import SIZE

HERE = Path(__file__).parent
PIXEL_MM = 0.8


class SilentJob:
    device = torch.device("cpu")
    log = logging.getLogger("test")

    def __init__(self) -> None:
        self.shown: list[tuple[str, int]] = []

    def progress(self, fraction: float, text: str = "") -> None: ...

    def output(self, name: str, slice_index: int, array: torch.Tensor) -> None:
        self.shown.append((name, slice_index))

    def check_cancelled(self) -> None: ...

    def weights(self, file: str) -> dict[str, torch.Tensor]:
        raise AssertionError(file)


@pytest.fixture(scope="module")
def nmar() -> LoadedMethod:
    return load_method(HERE)


@pytest.fixture(scope="module")
def phantom() -> tuple[MarCase, torch.Tensor]:
    """Return a case with bones, metal rods and beam hardening caused by metal, and its ground truth."""
    y, x = np.mgrid[:SIZE, :SIZE] * PIXEL_MM - PIXEL_MM * (SIZE - 1) / 2
    truth = np.full((SIZE, SIZE), -1000.0, np.float32)
    truth[(x / 150) ** 2 + (y / 100) ** 2 < 1] = 30
    for side in (-75, 75):
        truth[(x - side) ** 2 + (y - 5) ** 2 < 28**2] = 700
        truth[(x - side) ** 2 + (y - 5) ** 2 < 20**2] = 150
    truth[(x / 20) ** 2 + ((y + 55) / 12) ** 2 < 1] = -1000
    metal = np.zeros(truth.shape, bool)
    for side in (-75, 75):
        metal |= (x - side) ** 2 + (y - 5) ** 2 < 7**2
    metal_free = torch.from_numpy(truth)[None]
    with_metal = torch.where(torch.from_numpy(metal), 12_000.0, metal_free)
    mask = torch.from_numpy(metal)[None]
    exact = MarCase(hu=with_metal, metal=mask, pixel_mm=PIXEL_MM, beam=processing_beam(PIXEL_MM), slice_indices=[4])
    through_metal = exact.sinogram - exact.projector.forward(hu_to_mu(metal_free))
    hardened = exact.sinogram - 0.5 * through_metal**2 / (1 + through_metal)
    image = mu_to_hu(exact.projector.fbp(hardened)).clamp(min=-1000)
    return MarCase(image, mask, PIXEL_MM, exact.beam, [4], measured_sinogram=hardened), metal_free


def _rmse_hu(image: torch.Tensor, truth: torch.Tensor, case: MarCase) -> float:
    inside = ~case.metal & (truth > -900)
    return float((image.clamp(-1000, 1604) - truth)[inside].square().mean().sqrt())


def _run(nmar: LoadedMethod, case: MarCase, **values: object) -> MarResult:
    return nmar.method.run(case, nmar.parameters(values), SilentJob())


def test_the_error_falls_from_input_to_linear_interpolation_to_nmar(nmar: LoadedMethod, phantom) -> None:
    case, truth = phantom
    before = _rmse_hu(case.hu, truth, case)
    li = _rmse_hu(mu_to_hu(case.li_mu), truth, case)
    after = _rmse_hu(_run(nmar, case).hu, truth, case)
    assert after < 0.8 * li < 0.8 * before


def test_outside_the_trace_the_sinogram_is_measured(nmar: LoadedMethod, phantom) -> None:
    case, _ = phantom
    corrected = _run(nmar, case).corrected_sinogram
    assert corrected is not None
    assert torch.equal(corrected[~case.trace], case.sinogram[~case.trace])


def test_the_prior_has_air_water_and_bone(nmar: LoadedMethod, phantom) -> None:
    case, truth = phantom
    job = SilentJob()
    result = nmar.method.run(case, nmar.parameters({}), job)
    assert job.shown == [("prior", 4)]
    prior = result.prior_hu
    assert prior is not None
    air, water, bone, thin = prior < -999, prior.abs() < 0.5, prior > 199, (prior > -901) & (prior < -400)
    assert torch.all(air | water | bone | thin)
    assert float(thin.float().mean()) < 0.01
    assert float((air == (truth < -900)).float().mean()) > 0.99


def test_a_prior_of_the_truth_gives_the_truth(phantom) -> None:
    """With the exact prior, the normalized sinogram is 1 everywhere, so the trace is filled exactly."""
    case, truth = phantom
    free = case.projector.forward(hu_to_mu(truth))
    filled = complete_normalized(case, free, NmarSettings())
    assert float((filled - free)[case.trace].abs().mean()) < 0.02


def test_the_source_of_the_prior_is_chosen_by_the_trace(nmar: LoadedMethod, phantom) -> None:
    case, _ = phantom
    raw, li = (_run(nmar, case, prior_source=source).hu for source in ("raw", "linear_interpolation"))
    share = float(case.trace.float().mean()) * 100
    assert not torch.equal(raw, li)
    assert torch.equal(_run(nmar, case, raw_below=share - 0.1).hu, li)
    assert torch.equal(_run(nmar, case, raw_below=share + 0.1).hu, raw)
    added = float((case.sinogram - case.li_sinogram)[case.trace].mean())
    limit = added / 0.8  # the rods reach the end of a 12-bit scale
    assert torch.equal(_run(nmar, case, raw_below=0, mild_below=limit * 0.99).hu, li)
    assert torch.equal(_run(nmar, case, raw_below=0, mild_below=limit * 1.01).hu, raw)


@pytest.mark.parametrize("values", [{"prior_source": "best"}, {"smoothing_px": -1}, {"least_prior": 0}, {"colour": 1}])
def test_values_out_of_range_are_refused(nmar: LoadedMethod, values: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(values))):
        nmar.parameters(values)
