"""cGAN-MAR and CycleGAN: remove metal artifacts from the image, without a sinogram or mask."""

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import nn

from marview.learning.image_method import ImageMethod

from .network import PART, translation_of
from .settings import read_settings


class ImageGans(ImageMethod):
    """Method that subtracts the artifact image that the generator estimates for each slice."""

    part: ClassVar[str] = PART

    def build(self, settings: Mapping[str, Any]) -> tuple[nn.Module, int]:
        """Build the generator that removes artifacts."""
        network = translation_of(read_settings(settings))
        return network, network.multiple
