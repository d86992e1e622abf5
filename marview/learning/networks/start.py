"""Initialise networks: the memory layout of weights, and initial weights for networks without normalisation."""

from typing import Literal

import torch
from torch import nn


def keep_feature_size(layers: nn.Module, nonlinearity: Literal["relu", "linear"] = "relu") -> None:
    """Draw initial convolution weights that preserve the variance of features (He 2015).

    PyTorch's own initial weights shrink features in every layer, and without normalisation nothing enlarges
    them again, so a deep network learns very slowly at first.

    Args:
        layers: module with convolutions.
        nonlinearity: activation after each convolution, as for `torch.nn.init.calculate_gain`.
    """
    for each in layers.modules():
        if isinstance(each, nn.Conv2d):
            nn.init.kaiming_normal_(each.weight, nonlinearity=nonlinearity)
            if each.bias is not None:
                nn.init.zeros_(each.bias)


def channels_last(network: nn.Module) -> nn.Module:
    """Store the weights of convolutions in the faster channels-last format; return the network."""
    for each in network.parameters():
        if each.ndim == 4:
            each.data = each.data.contiguous(memory_format=torch.channels_last)
    return network
