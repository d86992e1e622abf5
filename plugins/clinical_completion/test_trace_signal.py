"""Tests of the residual signal in the metal trace."""

from typing import Any

import torch


def test_edges_are_the_first_and_last_bin_of_a_run(room: Any) -> None:
    trace = torch.tensor([[[False, True, True, True, False, True, False]]])
    assert room.trace_signal.edges(trace).int().tolist() == [[[0, 1, 0, 1, 0, 1, 0]]]


def test_fit_takes_hardening_out_and_leaves_tissue(room: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    metal, base = 4 * torch.rand(1, 60, 80, generator=generator), 3 + torch.rand(1, 60, 80, generator=generator)
    trace = torch.ones(1, 60, 80, dtype=torch.bool)
    tissue = torch.zeros(1, 60, 80)
    tissue[:, 20:30, 30:40] = 0.2
    hardening = -0.05 * metal**2 - 0.02 * metal * base
    raw, left = room.trace_signal.remainder(base + metal + hardening + tissue, base, metal, trace)
    torch.testing.assert_close(raw, hardening + tissue, atol=1e-5, rtol=0)
    assert float((left - tissue).abs().mean()) < 0.01


def test_outside_the_trace_nothing_is_left(room: Any, discs: Any) -> None:
    pairs = room.clinical.ClinicalPairs.of(discs(2, is_clinical=True))
    raw, left = room.trace_signal.remainder(pairs.sinogram, pairs.base, pairs.metal_part, pairs.trace)
    assert not raw[~pairs.trace].any()
    assert not left[~pairs.trace].any()
    assert left[pairs.trace].any()


def test_image_without_metal_has_no_metal_part(room: Any, discs: Any) -> None:
    pairs = discs(1)
    none = torch.zeros_like(pairs.metal)
    assert not room.trace_signal.metal_sinogram(pairs.projector, pairs.truth_mu, none).any()
