"""Neural networks shared by several methods; the network width is an argument."""

from marview.learning.networks.mask_pyramid import MaskPyramidUNet, line_unit
from marview.learning.networks.translation import Discriminator, Encoder, Generator, Translation
from marview.learning.networks.unet import UNet

__all__ = ["Discriminator", "Encoder", "Generator", "MaskPyramidUNet", "Translation", "UNet", "line_unit"]
