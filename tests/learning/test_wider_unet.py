"""A wide network that begins with the weights of a narrower one."""

import pytest
import torch

from benchmarks.wider_unet import widened
from marview.learning.networks import Translation


def network(width: int, blocks: int) -> Translation:
    return Translation(width, blocks, has_norm=False, is_residual=True, square_px=2, sees_details=True)


@pytest.mark.parametrize("blocks", [1, 3])
def test_a_wide_network_begins_with_the_corrections_of_the_narrow_one(blocks: int) -> None:
    torch.manual_seed(0)
    narrow, wide = network(2, 1), network(6, blocks)
    torch.nn.init.normal_(narrow.generator.last.weight, std=0.1)
    wide.load_state_dict(widened(wide, narrow.state_dict()))
    image = torch.rand(2, 1, 32, 48)
    corrected = narrow(image)
    assert float((corrected - image).detach().abs().max()) > 0.1
    assert torch.allclose(wide(image), corrected, atol=1e-5)


def test_new_channels_learn_at_once() -> None:
    torch.manual_seed(0)
    narrow, wide = network(2, 1), network(6, 1)
    torch.nn.init.normal_(narrow.generator.last.weight, std=0.1)
    wide.load_state_dict(widened(wide, narrow.state_dict()))
    wide(torch.rand(2, 1, 32, 48)).square().mean().backward()
    gradient = wide.generator.last.weight.grad
    assert gradient is not None
    assert bool((gradient[:, 2:].abs().amax(dim=(0, 2, 3)) > 0).all())
