"""Tests for the input planes, the network's estimates, and the choice between network and NMAR."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from marview.physics.attenuation import MU_WATER


@pytest.fixture
def estimates(room: Any, discs: Any) -> Any:
    """Return the estimates for two slices with a metal rod."""
    return room.estimates.Estimates(discs(2, is_clinical=True).case())


def test_planes_hold_each_image_in_their_unit(room: Any, estimates: Any) -> None:
    planes = estimates.planes(0)
    case = estimates.case
    assert planes.shape == (1, room.planes.PLANES, *case.hu.shape[-2:])
    assert torch.equal(planes[0, room.planes.METAL] > 0, case.metal[0])
    nmar = room.planes.to_unit(case.reconstruct(estimates.completed)[0])
    torch.testing.assert_close(planes[0, room.planes.COMPLETED], nmar.clamp(-1.5, 2.5), atol=1e-4, rtol=0)
    hidden = planes[0, room.planes.HIDDEN]
    assert 0 <= float(hidden.min()) <= float(hidden.max()) <= 1
    assert (hidden[case.metal[0]] > 0.99).all()
    assert planes[0, room.planes.PLAIN].any()
    assert planes[0, room.planes.SHARP].any()


def test_unit_of_the_planes_is_a_thousand_hu(room: Any) -> None:
    mu = torch.tensor([0.0, MU_WATER, 2 * MU_WATER])
    torch.testing.assert_close(room.planes.to_unit(mu), torch.tensor([-1.0, 0.0, 1.0]))
    torch.testing.assert_close(room.planes.to_mu(room.planes.to_unit(mu)), mu)


def test_outside_the_trace_the_sinogram_stays_as_measured(room: Any, made: Any, estimates: Any) -> None:
    done = estimates.of(made.adding(room, 0.1), 1)
    case = estimates.case
    outside = ~case.trace[1:]
    assert torch.equal(done.completed[outside], case.sinogram[1:][outside])
    assert (done.prior[case.metal[1:]] == MU_WATER).all()


def test_truth_predicts_the_rays_beside_the_trace_well_and_another_body_does_not(room: Any, discs: Any) -> None:
    pairs = discs(1, is_clinical=True)
    estimates = room.estimates.Estimates(pairs.case())
    truth = pairs.projector.forward(pairs.truth_mu)
    shown = estimates.shown(0)
    assert room.guard.predicts_well(shown, truth, estimates.prior_sinogram)
    assert not room.guard.predicts_well(shown, truth.roll(25, dims=-1), estimates.prior_sinogram)
    assert not room.guard.predicts_well(shown, torch.full_like(truth, torch.nan), estimates.prior_sinogram)


def test_estimate_is_rejected_only_if_it_predicts_the_rays_much_worse_than_nmar(room: Any, estimates: Any) -> None:
    shown, nmar_sinogram = estimates.shown(0), estimates.prior_sinogram[:1]
    away = nmar_sinogram - shown.sinogram
    assert room.guard.predicts_well(shown, shown.sinogram + 1.9 * away, nmar_sinogram)
    assert not room.guard.predicts_well(shown, shown.sinogram + 2.2 * away, nmar_sinogram)


def test_without_measured_rays_nmar_is_used(room: Any, estimates: Any) -> None:
    shown = estimates.shown(0)
    hidden = replace(shown, trace=torch.ones_like(shown.trace))
    assert not room.guard.predicts_well(hidden, shown.sinogram, shown.sinogram)


def test_estimate_counts_near_metal_and_neither_in_metal_nor_far_from_it(room: Any) -> None:
    metal = torch.zeros(1, 200, 20, dtype=torch.bool)
    metal[:, 0] = True
    share = room.estimates.nearness(metal)[0, :, 0]
    assert share[0] == 0
    assert (share[1:25] == 1).all()
    assert (share[61:] == 0).all()
    assert (share[1:].diff() <= 0).all()


def test_change_is_added_to_the_image_of_nmar_without_the_clipping_of_the_planes(
    room: Any, made: Any, discs: Any
) -> None:
    case = discs(1, is_clinical=True).case()
    hu = case.hu.clone()
    hu[0, 8:11, 22:25] = 4000.0
    estimates = room.estimates.Estimates(replace(case, hu=hu))
    nmar = estimates.shown(0).reconstruct(estimates.completed)
    assert nmar[0, 9, 23] > 4 * MU_WATER
    mu = estimates.of(made.adding(room, -0.5), 0).mu
    torch.testing.assert_close(mu, nmar - 0.5 * MU_WATER)
    brighter = estimates.of(made.adding(room, 0.3), 0).mu
    torch.testing.assert_close(brighter[0, 9, 23], nmar[0, 9, 23])


def test_network_counts_fully_only_near_dense_metal(room: Any, discs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    estimates = room.estimates.Estimates(discs(2, is_clinical=True).case())
    monkeypatch.setattr(room.estimates, "reasons_for_nmar", lambda *_, **__: {1: "dense"})
    assert estimates.weight(0) == room.estimates._MIXED < 1
    assert estimates.weight(1) == 1
