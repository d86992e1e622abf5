"""The bilinear U-Net."""

import pytest
import torch

from marview.learning.networks import UNet


@pytest.mark.parametrize(("base", "count"), [(64, 13_394_753), (32, 3_351_969)])
def test_parameters_are_those_of_the_papers(base: int, count: int) -> None:
    with torch.device("meta"):
        network = UNet(base=base)
    assert sum(each.numel() for each in network.parameters()) == count


@pytest.mark.parametrize("has_norm", [True, False])
@pytest.mark.parametrize("size", [(32, 48), (37, 50)])
def test_any_size_comes_back(size: tuple[int, int], has_norm: bool) -> None:
    image = torch.rand(2, 3, *size)
    assert UNet(3, 2, base=4, has_norm=has_norm)(image).shape == (2, 2, *size)


def test_a_network_that_starts_at_zero_gives_zero_and_learns() -> None:
    network = UNet(base=4, starts_at_zero=True)
    result = network(torch.rand(2, 2, 32, 32))
    assert not result.any()
    (result - 1).square().mean().backward()
    assert network.last.weight.grad is not None
    assert network.last.weight.grad.any()
