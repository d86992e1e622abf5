"""The running average of a network."""

import torch
from torch import nn

from marview.learning.average import averaged


def test_statistics_are_averaged_as_weights_are_and_batches_are_counted() -> None:
    """Otherwise statistics of few batches would accompany weights of a thousand."""
    network = nn.Sequential(nn.BatchNorm1d(1))
    average = averaged(network, 0.9)
    [norm] = network
    wanted = 0.0
    for step in range(40):
        norm.running_mean.fill_(float(step % 2))
        norm.weight.data.fill_(float(step % 2))
        norm.num_batches_tracked += 1
        average.update_parameters(network)
        keep = min(0.9, (1 + step) / (10 + step)) if step else 0.0
        wanted = keep * wanted + (1 - keep) * (step % 2)
    [kept] = average.module
    for tensor in (kept.running_mean, kept.weight):
        torch.testing.assert_close(tensor, torch.tensor([wanted]))
    assert 0.4 < wanted < 0.6
    assert int(kept.num_batches_tracked) == 40
