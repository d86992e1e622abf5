"""Tests for the near-hip network: its size, its input and its initial state."""

import pytest
import torch
from torch import nn

from marview.errors import MethodFailed
from marview.learning.weights import fill
from marview.projection import fill_linear


@pytest.mark.parametrize(("channels", "count"), [(64, 413_761), (32, 104_481)])
def test_the_network_has_as_many_parameters_as_published(room, channels, count) -> None:
    assert sum(one.numel() for one in room.network.NearHipCnn(channels).parameters()) == count


def test_weights_of_another_width_are_refused(room) -> None:
    with pytest.raises(MethodFailed, match="are for a different network"):
        fill(room.network.NearHipCnn(4), room.network.NearHipCnn(8).state_dict(), "it")


def test_the_trace_is_as_bright_as_the_brightest_beside_it(room) -> None:
    sinogram = torch.rand(2, 6, 7)
    trace = torch.zeros(sinogram.shape, dtype=torch.bool)
    trace[:, :, 3] = True
    sinogram[trace] = 50
    bright = room.network.brightened(sinogram, trace)
    assert torch.equal(bright[~trace], sinogram[~trace])
    for k in range(2):
        assert torch.all(bright[k][trace[k]] == sinogram[k][~trace[k]].max())


@pytest.mark.parametrize("how", ["nothing", "li", "nmar"])
def test_the_completion_is_start_plus_network(room, made, how) -> None:
    """If the network outputs 3, the completion is 3 units plus the initial completion, if there is one."""
    one = made.pairs(room)(0)
    start = room.network.start_of(one.case(), how, room.network.FROM_LI)
    seen = room.network.planes(one.sinogram, one.trace, start, 2.0)
    said = room.network.completed(made.Says(3.0), seen, start, 2.0)
    torch.testing.assert_close(said, torch.full_like(said, 6.0) if start is None else start + 6.0)


def test_the_start_of_a_network_is_measured_outside_the_trace_and_useful_inside(room, made) -> None:
    one = made.pairs(room, batch=4)(0)
    assert room.network.start_of(one.case(), "nothing") is None
    torch.testing.assert_close(room.network.start_of(one.case(), "li"), fill_linear(one.sinogram, one.trace))
    nmar = room.network.start_of(one.case(), "nmar", room.network.FROM_LI)
    torch.testing.assert_close(nmar[~one.trace], one.sinogram[~one.trace], rtol=0, atol=1e-5)
    errors = [float((each - one.metal_free_sinogram)[one.trace].square().mean()) for each in (nmar, one.li_sinogram)]
    assert errors[0] < 0.9 * errors[1]


@pytest.mark.parametrize(("fold", "views", "bins"), [(1, 7, 9), (2, 7, 9), (4, 45, 93), (4, 8, 12)])
def test_folding_keeps_every_view_and_bin_in_its_place(room, fold, views, bins) -> None:
    """If every layer returns its input, so does the network."""
    network = room.network.NearHipCnn(fold**2, fold=fold)
    with torch.no_grad():
        for layer in network:
            if isinstance(layer, nn.Conv2d):
                layer.weight.zero_()
                layer.bias.zero_()
                for k in range(fold**2):
                    layer.weight[k, k, 2, 2] = 1.0
    seen = torch.rand(2, 1, views, bins)  # positive, so that leaky ReLU does not change it
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(seen), seen, rtol=1e-4, atol=1e-4)
