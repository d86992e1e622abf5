"""Supervised training of the residual U-Net."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from marview.learning.networks.start import channels_last
from marview.learning.patch_training import PatchTraining

from .network import ResidualUNet
from .settings import Settings, read_settings


class UNetTraining(PatchTraining):
    """Training on patches of simulated pairs."""

    def read(self, settings: Mapping[str, Any]) -> Settings:
        """Return the settings."""
        return read_settings(settings)

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build the network."""
        return channels_last(ResidualUNet(read_settings(settings)))
