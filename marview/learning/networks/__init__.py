"""Networks that more than one method uses, each with a base width of its own."""

from marview.learning.networks.mask_pyramid import MaskPyramidUNet
from marview.learning.networks.unet import UNet

__all__ = ["MaskPyramidUNet", "UNet"]
