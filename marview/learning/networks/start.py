"""Set the memory layout of network weights, and the initial weights of networks without normalisation."""

from typing import Literal

import torch
from torch import nn


def keep_feature_size(layers: nn.Module, nonlinearity: Literal["relu", "linear"] = "relu") -> None:
    """Draw initial convolution weights that preserve the variance of features (He 2015).

    PyTorch's default initial weights reduce the variance of features in every layer. Without normalisation,
    features therefore become very small, and a deep network learns very slowly at first.

    Args:
        layers: module that contains the convolutions.
        nonlinearity: activation after each convolution, as for `torch.nn.init.calculate_gain`.
    """
    for each in layers.modules():
        if isinstance(each, nn.Conv2d):
            nn.init.kaiming_normal_(each.weight, nonlinearity=nonlinearity)
            if each.bias is not None:
                nn.init.zeros_(each.bias)


def channels_last(network: nn.Module) -> nn.Module:
    """Convert convolution weights to the faster channels-last memory format, and return the network."""
    for each in network.parameters():
        if each.ndim == 4:
            each.data = each.data.contiguous(memory_format=torch.channels_last)
    return network
