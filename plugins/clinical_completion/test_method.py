"""Tests for runs of clinical sinogram completion."""

from typing import Any

import pytest
import torch

from marview.methods.api import MarCase
from marview.methods.dense_nmar import complete_nmar
from marview.methods.nmar import NmarSettings, nmar_prior
from marview.physics.attenuation import mu_to_hu
from marview.worker.loading import LoadedMethod


def nmar(case: MarCase) -> torch.Tensor:
    """Complete the sinograms with NMAR."""
    return complete_nmar(case, case.projector.forward(nmar_prior(case)), NmarSettings())


@pytest.fixture
def run(loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs the method with a stubbed guard and a network that adds 50 HU."""

    def corrected(case: MarCase, *, predicts_well: bool = True) -> Any:
        monkeypatch.setattr(room.method, "predicts_well", lambda *_: predicts_well)
        job = weights_job(made.adding(room, 0.05), made.SMALL)
        return loaded.method.run(case, loaded.parameters({}), job), job

    return corrected


def test_estimate_is_used_near_metal_and_said_so(
    run: Any, room: Any, discs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = discs(2, is_clinical=True).case()
    monkeypatch.setattr(room.method, "contradicts", lambda *_: False)
    result, job = run(case)
    completed = mu_to_hu(case.reconstruct(result.corrected_sinogram))
    assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    torch.testing.assert_close(result.hu[case.metal], completed[case.metal])
    near = ~case.metal
    assert float((result.hu - completed)[near].abs().mean()) > 10
    assert any("estimated by a network" in str(note) for note in result.notes)
    assert set(job.shown) == {(name, k) for name in ("prior", "corrected_sinogram") for k in (0, 1)}


def test_estimate_that_contradicts_measured_rays_is_used_in_part(
    run: Any, room: Any, discs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = discs(1, is_clinical=True).case()
    monkeypatch.setattr(room.method, "contradicts", lambda *_: False)
    whole, _ = run(case)
    monkeypatch.setattr(room.method, "contradicts", lambda *_: True)
    part, _ = run(case)
    torch.testing.assert_close(part.corrected_sinogram, nmar(case))
    before = mu_to_hu(case.reconstruct(nmar(case)))
    assert 0 < float((part.hu - before).abs().mean()) < float((whole.hu - before).abs().mean())
    assert any("only the part that agrees with them" in str(note) for note in part.notes)


def test_slices_that_the_network_predicts_poorly_get_the_result_of_nmar(run: Any, discs: Any) -> None:
    case = discs(2, is_clinical=True).case()
    result, _ = run(case, predicts_well=False)
    torch.testing.assert_close(result.corrected_sinogram, nmar(case))
    assert any("well enough" in str(note) for note in result.notes)
    assert not any("estimated by a network" in str(note) for note in result.notes)


def test_measured_sinograms_get_the_result_of_nmar(run: Any, discs: Any) -> None:
    case = discs(1).case()
    result, _ = run(case)
    torch.testing.assert_close(result.corrected_sinogram, nmar(case))
    assert any("measured sinogram" in str(note) for note in result.notes)


def test_wires_get_the_result_of_nmar(run: Any, discs: Any) -> None:
    pairs = discs(1)
    metal = torch.zeros_like(pairs.metal)
    metal[0, 24, 24] = True  # metal that does not change the image
    result, _ = run(MarCase(mu_to_hu(pairs.truth_mu), metal, pairs.projector.pixel_mm, pairs.projector.beam, [7]))
    assert "Slice 7: the metal hides few rays or attenuates little" in " ".join(map(str, result.notes))


def test_slices_without_metal_stay_as_they_are(run: Any, discs: Any) -> None:
    pairs = discs(2)
    none = torch.zeros_like(pairs.metal)
    case = MarCase(mu_to_hu(pairs.truth_mu), none, pairs.projector.pixel_mm, pairs.projector.beam, [0, 1])
    result, _ = run(case)
    torch.testing.assert_close(result.hu, case.hu, atol=0.5, rtol=0)
    assert not any("NMAR" in str(note) for note in result.notes)
