"""Tests for runs of deep sinogram completion."""

from typing import Any

import pytest
import torch
from torch import Tensor

from marview.errors import BadInput, MethodFailed
from marview.methods.api import MarCase
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from marview.projection import fill_linear
from marview.worker.loading import LoadedMethod


def test_outside_the_trace_the_sinogram_is_measured(
    loaded: LoadedMethod, room: Any, ablation: dict[str, Any], made: Any, weights_job: Any, discs: Any
) -> None:
    pairs = discs(2)
    case = made.case_of(pairs)
    job = weights_job(made.small(room, **ablation), made.SMALL | ablation)
    result = loaded.method.run(case, loaded.parameters({}), job)
    assert result.corrected_sinogram is not None
    assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    assert not torch.equal(result.corrected_sinogram[case.trace], case.sinogram[case.trace])
    assert bool(result.hu.isfinite().all())
    shown = {("prior", k) for k in range(2)} | {("corrected_sinogram", k) for k in range(2)}
    assert set(job.shown) == shown


def test_wires_in_a_clinical_image_are_better_left_to_nmar(
    loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, discs: Any
) -> None:
    pairs = discs(2)
    metal = torch.zeros_like(pairs.metal)
    metal[1, made.SIZE // 2, made.SIZE // 2] = True  # metal that does not change the image

    def notes(measured: Tensor | None) -> str:
        case = MarCase(mu_to_hu(pairs.truth_mu), metal, made.PIXEL_MM, pairs.projector.beam, [7, 8], measured)
        return " ".join(
            map(str, loaded.method.run(case, loaded.parameters({}), weights_job(made.small(room), made.SMALL)).notes)
        )

    assert "Slice 8: the metal hides few rays or attenuates little" in notes(None)
    assert "NMAR" not in notes(pairs.metal_free_sinogram)


def test_slices_of_a_batch_do_not_see_each_other(
    loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, discs: Any
) -> None:
    pairs = discs(3)
    case = made.case_of(pairs)
    network = made.small(room)
    together = loaded.method.run(case, loaded.parameters({}), weights_job(network, made.SMALL)).hu
    alone = MarCase(
        case.hu[1:2], case.metal[1:2], made.PIXEL_MM, case.beam, [1], measured_sinogram=pairs.sinogram[1:2].clone()
    )
    assert torch.allclose(
        together[1:2], loaded.method.run(alone, loaded.parameters({}), weights_job(network, made.SMALL)).hu, atol=0.5
    )


def test_a_prior_of_classes_and_interpolation_can_be_asked_for(
    loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, discs: Any
) -> None:
    case = made.case_of(discs())
    job = weights_job(made.small(room), made.SMALL)
    usual = loaded.method.run(case, loaded.parameters({}), job)
    classes = loaded.method.run(case, loaded.parameters({"prior": "tissue"}), job)
    interpolated = loaded.method.run(case, loaded.parameters({"completion": "interpolation"}), job)
    assert classes.prior_hu is not None
    assert torch.equal(usual.prior_hu, interpolated.prior_hu)
    soft = classes.prior_hu[classes.prior_hu < 199]
    assert bool(((soft.abs() < 1) | (soft < -499)).all())
    prior = case.projector.forward(hu_to_mu(interpolated.prior_hu))
    wanted = prior + fill_linear(case.sinogram - prior, case.trace)
    assert torch.allclose(interpolated.corrected_sinogram[case.trace], wanted[case.trace], atol=1e-3)


def test_the_consistency_loop_changes_the_image_of_a_measured_sinogram_alone(
    loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, discs: Any
) -> None:
    pairs = discs()
    case = made.case_of(pairs)
    clinical = MarCase(case.hu, case.metal, case.pixel_mm, case.beam, case.slice_indices)
    job = weights_job(made.small(room), made.SMALL)
    for each, is_changed in ((case, True), (clinical, False)):
        usual, looped = (loaded.method.run(each, loaded.parameters({"loop_iterations": n}), job).hu for n in (0, 1))
        assert torch.equal(usual, looped) is not is_changed


def test_weights_of_another_network_are_refused(
    loaded: LoadedMethod, room: Any, made: Any, weights_job: Any, discs: Any
) -> None:
    case = made.case_of(discs())
    with pytest.raises(MethodFailed, match="are for a different network"):
        loaded.method.run(case, loaded.parameters({}), weights_job(made.small(room, prior_base=8), made.SMALL))
    with pytest.raises(MethodFailed, match="missing"):
        loaded.method.run(case, loaded.parameters({}), weights_job(made.small(room, prior="none"), made.SMALL))
    with pytest.raises(BadInput, match="colour"):
        loaded.method.run(case, loaded.parameters({}), weights_job(made.small(room), made.SMALL | {"colour": 1}))
