"""ADN: separate metal artifacts from the image, without a sinogram or mask (Liao 2019)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import nn

from marview.learning.image_method import ImageMethod

from .network import PART, reduction_of
from .settings import read_settings


class Adn(ImageMethod):
    """Method that removes artifacts from each slice with the encoder E_Ia and the generator G_I."""

    part: ClassVar[str] = PART

    def build(self, settings: Mapping[str, Any]) -> tuple[nn.Module, int]:
        """Build the encoder and generator that remove artifacts."""
        network = reduction_of(read_settings(settings))
        return network, network.multiple
