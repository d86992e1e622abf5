"""Tests for the network that estimates the image without metal."""

from typing import Any

import pytest
import torch

from marview.errors import BadInput


@pytest.mark.parametrize("size", [(16, 16), (21, 30)])
def test_new_network_returns_the_image_of_the_completion(room: Any, made: Any, size: tuple[int, int]) -> None:
    planes = torch.rand(2, 8, *size)
    torch.testing.assert_close(made.small(room)(planes), planes[:, room.planes.COMPLETED])


def test_estimate_depends_on_every_plane(room: Any, made: Any) -> None:
    network = made.small(room)
    torch.nn.init.normal_(network.leave.weight)
    planes = torch.rand(1, 8, 16, 16, requires_grad=True)
    network(planes).sum().backward()
    assert planes.grad is not None
    assert (planes.grad.abs().sum(dim=(0, 2, 3)) > 0).all()


def test_bundled_network_has_the_number_of_parameters_in_the_readme(room: Any) -> None:
    network = room.network.PriorNetwork(room.settings.Settings())
    assert sum(each.numel() for each in network.parameters()) == 2_411_428


@pytest.mark.parametrize("wrong", [{"depth": 3}, {"widths": [8, 16], "blocks": [1]}, {"widths": []}])
def test_wrong_settings_are_a_sentence(room: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="clinical sinogram completion"):
        room.settings.read_settings(wrong)
