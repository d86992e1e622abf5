"""U-Net that adds a change to its input image; the change is initially zero."""

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from marview.learning.networks import Translation, UNet
from marview.learning.networks.start import keep_feature_size

from .settings import Settings


class ResidualUNet(nn.Module):
    """Network that corrects an image `[slice, 1, y, x]` in the unit of `marview.methods.image_domain`.

    If `blocks` is not 0, the network is a shallow U-Net with residual blocks at its coarsest level, as in
    ADN. This variant learns more than the published U-Net in the same time.

    Attributes:
        fold: number that must divide the height and width of images in pixels.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.square_px = self.fold = settings.fold
        self.unet: nn.Module
        if settings.blocks:
            self.unet = Translation(
                settings.base,
                settings.blocks,
                has_norm=settings.has_norm,
                is_residual=True,
                square_px=settings.fold,
                sees_details=True,
            )
            self.fold = self.unet.multiple
            return
        channels = settings.fold**2
        self.unet = UNet(channels, channels, settings.base, has_norm=settings.has_norm, starts_at_zero=True)
        if not settings.has_norm:
            keep_feature_size(self.unet.first)
            keep_feature_size(self.unet.down)
            keep_feature_size(self.unet.up)

    def forward(self, image: Tensor) -> Tensor:
        """Remove artifacts from an image, `[slice, 1, y, x]`."""
        if isinstance(self.unet, Translation):
            corrected: Tensor = self.unet(image)
            return corrected
        return image + pixel_shuffle(self.unet(pixel_unshuffle(image, self.square_px)), self.square_px)
