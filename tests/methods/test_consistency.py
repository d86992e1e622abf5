"""The consistency loop on a body whose truth is known."""

import numpy as np
import pytest
import torch

from marview.geometry import FanBeamArc
from marview.methods.consistency import HIGHEST_IN_METAL, consistency_loop, is_noise
from marview.physics import Protocol, Simulation, Stages, simulate
from marview.physics.scan_model import ScanModel

SCAN = Protocol(
    name="small",
    beam=FanBeamArc(views=180, bins=185, source_to_isocentre_mm=570.0, bin_rad=0.005),
    shape=(96, 96),
    pixel_mm=4.0,
    source="tests",
)


def disc(radius_mm: float, x_mm: float = 0.0) -> np.ndarray:
    y, x = (np.mgrid[:96, :96] - 47.5) * 4.0
    return (np.hypot(x - x_mm, y) < radius_mm)[None]


@pytest.fixture(scope="module")
def bones() -> Simulation:
    """Two slices with dense bones, the second with a little less of it, and a pin."""
    hu = np.where(disc(150), 0.0, -1000.0).astype(np.float32)
    hu[disc(35, -80) | disc(35, 80)] = 1000
    less = hu.copy()
    less[disc(20, -80)] = 100
    pin = disc(8).astype(np.float32)
    return simulate(np.concatenate([hu, less]), {"ti": np.concatenate([pin, pin])}, SCAN, stages=Stages(noise=False))


def model_of(simulation: Simulation) -> ScanModel:
    return ScanModel(simulation.projector, SCAN.spectrum, SCAN.scatter_photons / SCAN.photons)


def loop(simulation: Simulation, **options) -> torch.Tensor:
    start = simulation.projector.fbp(simulation.metal_free_sinogram)
    return consistency_loop(
        model_of(simulation), simulation.sinogram, simulation.trace, start, simulation.metal, **options
    )


def rmse(image: torch.Tensor, simulation: Simulation) -> torch.Tensor:
    outside = ~simulation.metal
    return ((image - simulation.mu).square() * outside).mean(dim=(1, 2)).sqrt()


def test_the_image_comes_nearer_to_the_truth_with_each_iteration(bones) -> None:
    errors = [rmse(loop(bones, iterations=count), bones) for count in (0, 1, 3)]
    assert bool((errors[1] < 0.8 * errors[0]).all())
    assert bool((errors[2] < errors[1]).all())


def test_slices_do_not_see_each_other(bones) -> None:
    together = loop(bones, iterations=2)
    start = bones.projector.fbp(bones.metal_free_sinogram)[1:]
    parts = (bones.sinogram[1:], bones.trace[1:], start, bones.metal[1:])
    alone = consistency_loop(model_of(bones), *parts, iterations=2)
    assert torch.allclose(together[1:], alone, atol=1e-5)


def test_values_inside_metal_stay_within_soft_tissue(bones) -> None:
    inside = loop(bones, iterations=2)[bones.metal]
    assert float(inside.min()) >= 0
    assert float(inside.max()) <= HIGHEST_IN_METAL


def test_a_remainder_of_noise_ends_the_loop(bones) -> None:
    variance = torch.full_like(bones.sinogram, 1e-4)
    noise = 0.0099 * torch.randn(variance.shape, generator=torch.Generator().manual_seed(0))
    more = noise + 0.01
    assert is_noise(noise, variance, bones.trace).tolist() == [True, True]
    assert is_noise(more, variance, bones.trace).tolist() == [False, False]
    assert is_noise(noise, torch.zeros_like(variance), bones.trace).tolist() == [False, False]


def test_a_noisy_scan_is_changed_less_often_than_a_quiet_one() -> None:
    hu = np.where(disc(150), 0.0, -1000.0).astype(np.float32)
    counts = []
    for photons in (2e5, 2e9):
        scan = Protocol(**{**vars(SCAN), "photons": photons, "scatter_photons": 0.0})
        noisy = simulate(hu, {"ti": disc(8).astype(np.float32)}, scan)
        seen: list[int] = []
        start = noisy.projector.fbp(noisy.metal_free_sinogram)
        model = ScanModel(noisy.projector, scan.spectrum, 0.0)
        consistency_loop(model, noisy.sinogram, noisy.trace, start, noisy.metal, iterations=4, pause=seen.append)
        counts.append(len(seen))
    assert counts[0] < counts[1]


def test_a_run_can_be_cancelled_between_iterations(bones) -> None:
    def stop(iteration: int) -> None:
        if iteration == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        loop(bones, iterations=3, pause=stop)
