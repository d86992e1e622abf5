"""Tests of a run of clinical sinogram completion."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from marview.errors import BadInput
from marview.methods.api import MarCase
from marview.methods.dense_nmar import complete_nmar
from marview.methods.nmar import NmarSettings, nmar_prior
from marview.physics.attenuation import mu_to_hu
from marview.worker.loading import LoadedMethod


def test_closed_gates_return_nmar(
    loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, discs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.method, "is_believed", lambda explained, light: False)
    case = discs(2, is_clinical=True).case()
    closed = {"closed": -80.0}
    job = weights_job(made.small(room, **closed), made.SMALL | closed)
    result = loaded.method.run(case, loaded.parameters({}), job)
    nmar = complete_nmar(case, case.projector.forward(nmar_prior(case)), NmarSettings())
    torch.testing.assert_close(result.corrected_sinogram, nmar)
    assert set(job.shown) == {("corrected_sinogram", 0), ("corrected_sinogram", 1)}


def test_outside_the_trace_the_sinogram_stays_measured(
    loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, discs: Any
) -> None:
    case = discs(2, is_clinical=True).case()
    opened = {"closed": 5.0}
    job = weights_job(made.small(room, **opened), made.SMALL | opened)
    result = loaded.method.run(case, loaded.parameters({}), job)
    assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    assert bool(result.hu.isfinite().all())


def test_wires_get_the_result_of_nmar(loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, discs: Any) -> None:
    pairs = discs(1)
    metal = torch.zeros_like(pairs.metal)
    metal[0, 24, 24] = True  # metal that does not change the image
    case = MarCase(mu_to_hu(pairs.truth_mu), metal, pairs.projector.pixel_mm, pairs.projector.beam, [7])
    result = loaded.method.run(case, loaded.parameters({}), weights_job(made.small(room), made.SMALL))
    assert "Slice 7: the metal hides few rays or attenuates little" in " ".join(map(str, result.notes))


@pytest.mark.parametrize("is_explained", [True, False])
def test_dense_metal_that_the_rounds_do_not_explain_gets_the_result_of_nmar(
    loaded: LoadedMethod,
    room: Any,
    made: Any,
    weights_job: Any,
    discs: Any,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_explained: bool,
) -> None:
    monkeypatch.setattr(room.method, "is_believed", lambda explained, light: is_explained)
    clinical = discs(1, is_clinical=True).case()
    case = replace(clinical, hu=torch.where(clinical.metal, 16_000.0, clinical.hu))
    opened = {"closed": 5.0}
    job = weights_job(made.small(room, **opened), made.SMALL | opened)
    result = loaded.method.run(case, loaded.parameters({}), job)
    nmar = complete_nmar(case, case.projector.forward(nmar_prior(case)), NmarSettings())
    assert torch.allclose(result.corrected_sinogram, nmar) is not is_explained
    assert any("denser than titanium" in str(note) for note in result.notes) is not is_explained


def test_slices_without_metal_stay_as_they_are(
    loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, discs: Any
) -> None:
    pairs = discs(2)
    none = torch.zeros_like(pairs.metal)
    case = MarCase(mu_to_hu(pairs.truth_mu), none, pairs.projector.pixel_mm, pairs.projector.beam, [0, 1])
    result = loaded.method.run(case, loaded.parameters({}), weights_job(made.small(room), made.SMALL))
    torch.testing.assert_close(result.hu, case.hu, atol=0.5, rtol=0)
    assert not any("NMAR" in str(note) for note in result.notes)


def test_settings_that_are_unknown_are_a_sentence(room: Any) -> None:
    with pytest.raises(BadInput, match="clinical sinogram completion"):
        room.settings.read_settings({"depth": 3})
