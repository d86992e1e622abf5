"""Supervised training of RDN-CT."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from marview.learning.networks.start import channels_last
from marview.learning.patch_training import PatchTraining

from .network import RdnCt
from .settings import Settings, read_settings


class RdnTraining(PatchTraining):
    """Training on patches of simulated pairs."""

    def read(self, settings: Mapping[str, Any]) -> Settings:
        """Return the settings."""
        return read_settings(settings)

    def build(self, settings: Mapping[str, Any]) -> nn.Module:
        """Build the network."""
        return channels_last(RdnCt(read_settings(settings)))
