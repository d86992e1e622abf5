"""Completion of the metal trace with a prior image."""

import pytest
import torch

from marview.geometry import ParallelBeam
from marview.methods.trace_completion import complete_with_prior, hidden_share
from marview.projection import Projector

SIZE, PIXEL_MM = 48, 1.0


@pytest.fixture
def projector() -> Projector:
    beam = ParallelBeam(views=90, bins=69, bin_mm=PIXEL_MM)
    return Projector(beam, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM)


@pytest.fixture
def metal() -> torch.Tensor:
    mask = torch.zeros(1, SIZE, SIZE, dtype=torch.bool)
    mask[0, 20:24, 26:30] = True
    return mask


def test_metal_hides_all_rays_of_its_own_pixels_and_none_without_a_trace(projector, metal) -> None:
    trace = projector.trace(metal)
    hidden = hidden_share(projector, trace)
    assert hidden.shape == metal.shape
    assert float(hidden[metal].min()) > 0.9
    assert 0 <= float(hidden.min()) < 0.2
    assert not bool(hidden_share(projector, torch.zeros_like(trace)).any())


def test_the_true_prior_completes_the_trace_exactly_and_measured_rays_stay(projector, metal) -> None:
    body = torch.zeros(1, SIZE, SIZE)
    body[0, 8:40, 8:40] = 0.2
    free, trace = projector.forward(body), projector.trace(metal)
    measured = torch.where(trace, free + 3, free)
    completed = complete_with_prior(measured, free, trace)
    assert torch.allclose(completed, free, atol=1e-5)
    assert torch.equal(completed[~trace], measured[~trace])


def test_a_prior_with_an_offset_still_joins_the_measured_rays(projector, metal) -> None:
    body = torch.zeros(1, SIZE, SIZE)
    body[0, 8:40, 8:40] = 0.2
    free, trace = projector.forward(body), projector.trace(metal)
    assert torch.allclose(complete_with_prior(free, free + 0.7, trace), free, atol=1e-5)
