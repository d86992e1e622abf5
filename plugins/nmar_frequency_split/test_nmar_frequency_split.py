"""Tests for the frequency split of two images."""

import torch

from marview.geometry import ParallelBeam
from marview.methods.api import MarCase
from marview.worker.loading import LoadedMethod


def _split(loaded: LoadedMethod, original: torch.Tensor, corrected: torch.Tensor, **values: object) -> torch.Tensor:
    metal = torch.zeros(original.shape, dtype=torch.bool)
    metal[:, 30:34, 30:34] = True
    case = MarCase(original, metal, 1.0, ParallelBeam(views=4, bins=64, bin_mm=1.0))
    module = __import__(type(loaded.method).__module__, fromlist=["split"])
    return module.split(case, corrected, loaded.parameters(values))


def test_equal_images_stay_as_they_are(loaded: LoadedMethod) -> None:
    image = torch.randn(1, 64, 64) * 50
    torch.testing.assert_close(_split(loaded, image, image), image)


def test_coarse_structure_is_the_corrected_images(loaded: LoadedMethod) -> None:
    ramp = torch.linspace(-100, 100, 64).expand(1, 64, 64)
    torch.testing.assert_close(_split(loaded, ramp + 500, ramp), ramp, atol=1e-2, rtol=0)


def test_fine_structure_comes_back_near_the_metal_and_not_far_from_it(loaded: LoadedMethod) -> None:
    fine = torch.where(torch.arange(64) % 2 == 0, 50.0, -50.0).expand(1, 64, 64)
    mixed = _split(loaded, fine, torch.zeros(1, 64, 64), reach_mm=5.0)
    assert float(mixed[0, 32, 36].abs()) > 25
    assert float(mixed[0, 2, 2].abs()) < 1


def test_streaks_are_not_put_back(loaded: LoadedMethod) -> None:
    streak = torch.zeros(1, 64, 64)
    streak[:, 20] = 2000
    assert float(_split(loaded, streak, torch.zeros(1, 64, 64))[0, 20].abs().max()) == 0


def test_the_metals_edge_is_not_a_detail(loaded: LoadedMethod) -> None:
    original = torch.zeros(1, 64, 64)
    original[:, 30:34, 30:34] = 10_000
    assert float(_split(loaded, original, torch.zeros(1, 64, 64)).abs().max()) == 0


def test_beside_metal_denser_than_titanium_weaker_structure_counts_as_a_streak(loaded: LoadedMethod) -> None:
    weak = torch.zeros(2, 64, 64)
    weak[:, :, 38] = 200
    weak[:, 30:34, 30:34] = torch.tensor([5000.0, 16_000.0])[:, None, None]
    light, dense = _split(loaded, weak, torch.zeros(2, 64, 64))[:, 32, 38].tolist()
    assert light > 50
    assert dense == 0
