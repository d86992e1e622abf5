"""How networks begin: the order of their weights in memory, and initial weights without normalisation."""

import torch
from torch import nn


def keep_feature_size(layers: nn.Module) -> None:
    """Draw initial weights of convolutions that keep the size of features through ReLUs (He 2015).

    PyTorch's own initial weights shrink features in every layer, and without normalisation nothing enlarges them
    again, so that a deep network begins to learn late.
    """
    for each in layers.modules():
        if isinstance(each, nn.Conv2d):
            nn.init.kaiming_normal_(each.weight, nonlinearity="relu")
            if each.bias is not None:
                nn.init.zeros_(each.bias)


def channels_last(network: nn.Module) -> nn.Module:
    """Store the weights of convolutions with their channels last, which makes them faster; return the network."""
    for each in network.parameters():
        if each.ndim == 4:
            each.data = each.data.contiguous(memory_format=torch.channels_last)
    return network
