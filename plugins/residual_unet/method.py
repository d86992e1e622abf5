"""Residual U-Net: remove metal artifacts from the image, without a sinogram or mask."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from marview.learning.image_method import ImageMethod

from .network import ResidualUNet
from .settings import read_settings


class ResidualUNetMethod(ImageMethod):
    """Method that subtracts the artifact image that the network estimates for each slice."""

    def build(self, settings: Mapping[str, Any]) -> tuple[nn.Module, int]:
        """Build the network."""
        network = ResidualUNet(read_settings(settings))
        return network, network.fold
