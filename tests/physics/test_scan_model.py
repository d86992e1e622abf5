"""The forward model against the simulated scanner."""

import numpy as np
import pytest
import torch

from marview.geometry import FanBeamArc
from marview.physics import Protocol, Scanner, Simulation, Stages, material, simulate
from marview.physics.attenuation import hu_to_mu
from marview.physics.scan_model import ScanModel

SCAN = Protocol(
    name="small",
    beam=FanBeamArc(views=90, bins=185, source_to_isocentre_mm=570.0, bin_rad=0.005),
    shape=(96, 96),
    pixel_mm=4.0,
    source="tests",
)


def disc(radius_mm: float, x_mm: float = 0.0) -> np.ndarray:
    y, x = (np.mgrid[:96, :96] - 47.5) * 4.0
    return (np.hypot(x - x_mm, y) < radius_mm)[None]


BODY = np.where(disc(150), 0.0, -1000.0).astype(np.float32)
BODY[disc(30, -80)] = 900
PIN = disc(12, 60).astype(np.float32)


def scanned(**stages: bool) -> Simulation:
    return simulate(BODY, {"ti": PIN}, SCAN, stages=Stages(**stages), scanner=Scanner(edge_share=1.0))


def model_of(simulation: Simulation) -> ScanModel:
    return ScanModel(simulation.projector, SCAN.spectrum, SCAN.scatter_photons / SCAN.photons)


def test_tissue_is_predicted_as_scanned() -> None:
    simulation = scanned(noise=False)
    predicted = model_of(simulation).tissue(hu_to_mu(torch.from_numpy(BODY)))
    assert torch.allclose(predicted, simulation.metal_free_sinogram, atol=1e-3)


def test_metal_is_predicted_as_scanned() -> None:
    simulation = scanned(noise=False)
    model = model_of(simulation)
    crossing = model.crossing(simulation.mu, torch.from_numpy(PIN))
    predicted = model.with_metal(crossing, [material("ti")], simulation.trace)
    assert torch.allclose(predicted, simulation.sinogram, atol=1e-3)


def test_a_ray_that_meets_everything_is_dark_and_finite() -> None:
    simulation = scanned(noise=False)
    model = model_of(simulation)
    crossing = model.crossing(simulation.mu, 50 * torch.from_numpy(PIN))
    predicted = model.with_metal(crossing, [material("au")], simulation.trace)
    assert bool(predicted.isfinite().all())
    assert float(predicted.max()) < 15


def test_the_noise_is_read_from_the_rays_through_air() -> None:
    simulation = scanned(scatter=False)
    variance = model_of(simulation).noise_variance(simulation.sinogram)
    dark = (simulation.metal_free_sinogram > 5.5) & ~simulation.trace
    noise = (simulation.sinogram - scanned(noise=False, scatter=False).sinogram)[dark]
    assert float(noise.square().mean() / variance[dark].mean()) == pytest.approx(1, rel=0.5)


def test_thin_things_in_the_air_are_not_mistaken_for_noise() -> None:
    quiet = scanned(noise=False)
    hazy = model_of(quiet).tissue(quiet.mu + 0.0005)  # 2.6 HU more everywhere in the air
    assert float(model_of(quiet).noise_variance(hazy)[hazy < 1].max()) < 1e-6


def test_without_rays_through_air_the_noise_is_unknown() -> None:
    model = model_of(scanned(noise=False))
    assert float(model.noise_variance(torch.full((1, 90, 185), 3.0)).abs().max()) == 0
