"""Tests for fitting metal and its beam hardening to the measured rays."""

from typing import Any

import torch


def test_edges_are_the_first_and_last_bin_of_a_run(room: Any) -> None:
    trace = torch.tensor([[[False, True, True, True, False, True, False]]])
    assert room.hardening_fit.edges(trace).int().tolist() == [[[0, 1, 0, 1, 0, 1, 0]]]


def test_fit_takes_hardening_out_and_leaves_tissue(room: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    metal, base = 4 * torch.rand(60, 80, generator=generator), 3 + torch.rand(60, 80, generator=generator)
    trace = torch.ones(60, 80, dtype=torch.bool)
    tissue = torch.zeros(60, 80)
    tissue[20:30, 30:40] = 0.2
    values = (-0.05 * metal**2 - 0.02 * metal * base + tissue)[trace].double()
    terms = room.hardening_fit.terms_of(metal, base, trace)
    left = values - terms @ room.hardening_fit.factors_of(values, terms)
    assert float((left - tissue[trace]).abs().mean()) < 0.01


def test_image_without_metal_has_no_metal_part(room: Any, discs: Any) -> None:
    pairs = discs(1)
    none = torch.zeros_like(pairs.metal)
    assert not room.hardening_fit.metal_sinogram(pairs.projector, pairs.truth_mu, none).any()
