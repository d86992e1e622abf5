"""A U-Net that adds a change, zero at first, to the image."""

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from marview.learning.networks import UNet
from marview.learning.networks.start import keep_feature_size

from .settings import Settings


class ResidualUNet(nn.Module):
    """Correct an image `[slice, 1, y, x]` in the unit of `marview.methods.image_domain`.

    Attributes:
        fold: number that edges must be multiples of.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.fold = settings.fold
        channels = settings.fold**2
        self.unet = UNet(channels, channels, settings.base, has_norm=settings.has_norm, starts_at_zero=True)
        if not settings.has_norm:
            keep_feature_size(self.unet.first)
            keep_feature_size(self.unet.down)
            keep_feature_size(self.unet.up)

    def forward(self, image: Tensor) -> Tensor:
        """Remove artifacts from an image, `[slice, 1, y, x]`."""
        change = pixel_shuffle(self.unet(pixel_unshuffle(image, self.fold)), self.fold)
        corrected: Tensor = image + change
        return corrected
