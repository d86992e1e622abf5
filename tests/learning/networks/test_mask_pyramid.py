"""The mask-pyramid U-Net."""

import pytest
import torch

from marview.learning.networks import MaskPyramidUNet
from marview.learning.networks.mask_pyramid import _to_multiple


def test_parameters_are_those_of_the_papers() -> None:
    with torch.device("meta"):
        network = MaskPyramidUNet(64)
    assert sum(each.numel() for each in network.parameters()) == 12_439_498


@pytest.mark.parametrize("has_pyramid", [True, False])
@pytest.mark.parametrize("size", [(64, 96), (50, 47), (20, 21)])
def test_any_size_comes_back(size: tuple[int, int], has_pyramid: bool) -> None:
    sinogram = torch.rand(2, *size)
    network = MaskPyramidUNet(4, has_pyramid=has_pyramid)
    assert network(sinogram, sinogram > 0.5).shape == (2, *size)


def test_views_go_on_in_a_circle_and_bins_are_reflected() -> None:
    planes = torch.arange(40.0)[:, None] + 100 * torch.arange(33.0)
    padded = _to_multiple(planes[None, None])[0, 0]
    assert padded.shape == (64, 64)
    assert padded[40:, 0].tolist() == list(range(24))
    assert (padded[0, 33:] / 100).tolist() == list(range(31, 0, -1))


def test_only_the_pyramid_shows_the_trace_to_deep_levels() -> None:
    trace = torch.zeros(1, 64, 64)
    trace[:, :, 20:30] = 1
    for has_pyramid in (True, False):
        torch.manual_seed(0)
        network = MaskPyramidUNet(4, has_pyramid=has_pyramid)
        with torch.no_grad():
            network.down[0].weight[:, 1] = 0  # the input's own channel of the trace
            told, untold = (network(torch.rand(1, 64, 64) * 0 + 0.5, each) for each in (trace, 0 * trace))
        assert torch.equal(told, untold) is not has_pyramid


def test_a_network_that_starts_at_zero_gives_zero() -> None:
    assert not MaskPyramidUNet(4, starts_at_zero=True)(torch.rand(1, 64, 64), torch.ones(1, 64, 64)).any()
