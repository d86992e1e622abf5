"""SE-Net and IE-Net, and how they are joined (Lin 2019, equations 1 to 9)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from marview.learning.networks import MaskPyramidUNet, UNet
from marview.projection import Projector

from .inversion import inversion
from .settings import Settings

_HIGHEST_MU = 1.0
_LINE_INTEGRAL = 4.0
_FIELD_MM = 153.6
"""Edge of the field of the protocol the method was published for: 416 pixels of 0.369 mm."""


def line_unit(projector: Projector) -> float:
    """The line integral that SE-Net takes for one: 4 in the published field of 15.36 cm, in proportion to the field.

    A body that fills the grid then looks the same to the network whatever its size.
    """
    return _LINE_INTEGRAL * projector.pixel_mm * max(projector.shape) / _FIELD_MM


class DualDomain(nn.Module):
    """Both networks.

    Attributes:
        settings: what they are.
        sinogram_net: SE-Net; None where the image alone is refined.
        image_net: IE-Net; None where the sinogram alone is.
    """

    def __init__(self, settings: Settings) -> None:
        """Weights at random."""
        super().__init__()
        self.settings = settings
        self.sinogram_net: nn.Module | None = None
        if settings.sinogram_net != "none":
            self.sinogram_net = MaskPyramidUNet(
                settings.sinogram_base,
                has_pyramid=settings.sinogram_net == "pyramid",
                starts_at_zero=settings.starts_at_zero and settings.is_residual,
            )
        self.image_net: nn.Module | None = None
        if settings.image_net:
            folded = settings.fold**2
            self.image_net = UNet(
                folded * (1 if self.sinogram_net is None else 2),
                folded,
                settings.image_base,
                has_norm=settings.has_norm,
                starts_at_zero=settings.starts_at_zero,
            )

    def enhance(self, li_sinogram: Tensor, trace: Tensor, unit: float) -> Tensor:
        """SE-Net's sinogram: Yout = Mt G_s(YLI, Mt) + (1 - Mt) YLI, equation (3).

        Args:
            li_sinogram: filled by linear interpolation, line integrals, `[slice, view, bin]`.
            trace: metal trace, bool.
            unit: line integral that is one to the network, `line_unit`.
        """
        if self.sinogram_net is None:
            return li_sinogram
        made = unit * self.sinogram_net(li_sinogram / unit, trace)
        return torch.where(trace, li_sinogram + made if self.settings.is_residual else made, li_sinogram)

    def invert(self, sinogram: Tensor, projector: Projector, known: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """The Radon inversion layer, equation (7): `[slice, view, bin]` -> `[slice, y, x]` in 1/cm.

        Args:
            sinogram: line integrals.
            projector: between images and sinograms.
            known: an image in 1/cm and the sinogram that was projected from it, for clinical slices: the inverse of the
                change is added to the image, which keeps its sharpness.
        """
        layer = inversion(projector, self.settings.inversion)
        return layer(sinogram) if known is None else known[0] + layer(sinogram - known[1])

    def refine(self, inverted: Tensor, li_image: Tensor) -> Tensor:
        """IE-Net's image in 1/cm: Xout = XLI + G_i(Xhat, XLI), equation (9); Xhat itself where there is no IE-Net.

        Args:
            inverted: Xhat, the image of SE-Net's sinogram, `[slice, y, x]`.
            li_image: XLI.
        """
        if self.image_net is None:
            return inverted
        seen = [li_image] if self.sinogram_net is None else [inverted, li_image]
        channels = torch.stack([each.clamp(0, _HIGHEST_MU) for each in seen], dim=1)
        fold = self.settings.fold
        rows, columns = channels.shape[-2:]
        framed = pad(channels, (0, -columns % fold, 0, -rows % fold), mode="replicate")
        made: Tensor = pixel_shuffle(self.image_net(pixel_unshuffle(framed, fold)), fold)
        return li_image + made[:, 0, :rows, :columns]
