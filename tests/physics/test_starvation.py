"""Smoothing of starved rays."""

import torch

from marview.physics.starvation import smooth_starved


def test_rays_with_light_stay_as_they_are() -> None:
    sinogram = torch.rand(2, 20, 30, generator=torch.Generator().manual_seed(0)) * 6
    assert torch.equal(smooth_starved(sinogram), sinogram)


def test_noise_of_starved_rays_falls_and_their_mean_stays() -> None:
    noise = torch.randn(1, 60, 80, generator=torch.Generator().manual_seed(0)) * 0.3
    smooth = smooth_starved(10 + noise)
    assert float(smooth.std()) < 0.4 * 0.3
    assert abs(float(smooth.mean()) - float((10 + noise).mean())) < 1e-3
