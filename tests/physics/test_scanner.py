"""Scanners with finer rays, blur and other spectra than the public simulators."""

import numpy as np
import pytest
import torch

from marview.geometry import FanBeamArc, FanBeamFlat
from marview.physics import MISMATCHED, Protocol, Scanner, Stages, material, simulate, spectrum

QUIET = Stages(noise=False)
ARC = FanBeamArc(views=90, bins=185, source_to_isocentre_mm=570.0, bin_rad=0.005, bin_offset=-1.25)
FLAT = FanBeamFlat(views=90, bins=185, source_to_isocentre_mm=570.0, source_to_detector_mm=1140.0, bin_mm=5.6)


@pytest.fixture(params=[ARC, FLAT], ids=["arc", "flat"])
def scan(request) -> Protocol:
    return Protocol(name="small", beam=request.param, shape=(96, 96), pixel_mm=4.0, source="tests")


def disc(radius_mm: float, x_mm: float = 0.0) -> np.ndarray:
    y, x = (np.mgrid[:96, :96] - 47.5) * 4.0
    return (np.hypot(x - x_mm, y) < radius_mm)[None]


BODY = np.where(disc(150), 0.0, -1000.0).astype(np.float32)
PIN = {"ti": disc(12, 60).astype(np.float32)}


def test_the_default_scanner_changes_nothing(scan) -> None:
    first, second = (simulate(BODY, PIN, scan, scanner=each, seed=3) for each in (None, Scanner()))
    assert torch.equal(first.sinogram, second.sinogram)


def test_finer_rays_see_the_same_body_in_the_same_place(scan) -> None:
    usual = simulate(BODY, PIN, scan, stages=QUIET)
    finer = simulate(BODY, PIN, scan, stages=QUIET, scanner=Scanner(fineness=2))
    assert finer.sinogram.shape == usual.sinogram.shape
    difference = (finer.metal_free_sinogram - usual.metal_free_sinogram).abs()
    assert float(difference.mean()) < 0.02
    assert bool((finer.trace == usual.trace).float().mean() > 0.99)


def test_blur_spreads_the_shadow_of_metal_beyond_the_trace(scan) -> None:
    blurred = simulate(BODY, PIN, scan, stages=QUIET, scanner=Scanner(blur_bins=0.6))
    beside = ~blurred.trace & (blurred.trace.roll(1, -1) | blurred.trace.roll(-1, -1))
    added = blurred.sinogram - blurred.metal_free_sinogram
    assert float(added[beside].min()) > 0
    assert float(added[~blurred.trace & ~beside].abs().max()) < float(added[beside].mean())


def test_blur_keeps_a_constant_sinogram() -> None:
    even = torch.full((1, 4, 20), 2.0)
    assert torch.allclose(Scanner(blur_bins=0.5).seen(even), even, atol=1e-5)


def test_a_ray_at_the_edge_keeps_the_share_of_metal_it_is_given(scan) -> None:
    quarter, whole = (
        simulate(BODY, PIN, scan, stages=QUIET, scanner=Scanner(edge_share=share)) for share in (0.25, 1.0)
    )
    assert float((whole.sinogram - quarter.sinogram).min()) >= 0
    assert float((whole.sinogram - quarter.sinogram).max()) > 0.1


def test_a_further_filter_hardens_the_beam() -> None:
    usual = spectrum(120)
    harder, softer = (usual.behind(material("cu"), thickness) for thickness in (0.1, -0.03))
    assert softer.mean_kev < usual.mean_kev < harder.mean_kev
    assert harder.shares.sum() == pytest.approx(1)


def test_the_mismatched_scanner_differs_from_the_usual_one(scan) -> None:
    usual, other = (simulate(BODY, PIN, scan, stages=QUIET, scanner=each) for each in (None, MISMATCHED))
    assert 0.001 < float((usual.sinogram - other.sinogram).abs().mean()) < 0.1
