"""SE-Net, IE-Net and the inversion layer between them (Lin 2019, equations 1 to 9)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from marview.learning.networks import MaskPyramidUNet, UNet
from marview.methods.trace_completion import interpolate_with_prior
from marview.physics.attenuation import MU_WATER
from marview.projection import Projector

from .inversion import inversion
from .settings import Settings

_HIGHEST_MU = 1.0
_DIFFERENCE = 0.02
"""Unit of differences from a prior's sinogram, as a fraction of `line_unit`: their typical size in the trace."""

_CHANGE = 0.1 * MU_WATER
"""Unit of IE-Net's output if its images are relative to water."""


@dataclass(frozen=True, eq=False)
class Start:
    """Network inputs in addition to the interpolated sinogram; unused inputs are None.

    Attributes:
        image: image with metal, 1/cm, `[slice, y, x]`.
        prior_sinogram: sinogram of NMAR's prior, `[slice, view, bin]`.
        hidden: fraction of each pixel's rays that lie in the metal trace, `[slice, y, x]`.
        is_measured: whether the sinogram was measured; otherwise, it is the forward projection of a clinical
            image.
    """

    image: Tensor
    prior_sinogram: Tensor | None
    hidden: Tensor | None
    is_measured: bool

    def of(self, part: slice) -> "Start":
        """Return the inputs for a range of slices."""
        prior_sinogram, hidden = (each if each is None else each[part] for each in (self.prior_sinogram, self.hidden))
        return Start(self.image[part], prior_sinogram, hidden, self.is_measured)


class DualDomain(nn.Module):
    """Both networks of DuDoNet.

    Attributes:
        settings: settings of both networks.
        sinogram_net: SE-Net; None if only the image is refined.
        image_net: IE-Net; None if only the sinogram is completed.
    """

    def __init__(self, settings: Settings) -> None:
        """Build the network with random weights."""
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
            seen = 1 + settings.changes_sinogram + settings.sees_metal + 2 * settings.sees_hidden
            self.image_net = UNet(
                folded * seen,
                folded,
                settings.image_base,
                has_norm=settings.has_norm,
                starts_at_zero=settings.starts_at_zero,
            )

    def start(self, li_sinogram: Tensor, trace: Tensor, prior_sinogram: Tensor | None = None) -> Tensor:
        """Return the line integrals that SE-Net corrects, `[slice, view, bin]`; see `enhance` for the arguments."""
        if self.settings.sinogram_start == "li":
            return li_sinogram
        assert prior_sinogram is not None
        return torch.where(trace, interpolate_with_prior(li_sinogram, prior_sinogram, trace), li_sinogram)

    def enhance(self, li_sinogram: Tensor, trace: Tensor, unit: float, prior_sinogram: Tensor | None = None) -> Tensor:
        """Return SE-Net's sinogram: Yout = Mt G_s(YLI, Mt) + (1 - Mt) YLI, equation (3).

        Args:
            li_sinogram: sinogram completed by linear interpolation, line integrals, `[slice, view, bin]`; it may be a
                block of views.
            trace: metal trace, bool.
            unit: line integral that is scaled to 1 (`line_unit`).
            prior_sinogram: sinogram of NMAR's prior, if SE-Net starts from it.
        """
        start = self.start(li_sinogram, trace, prior_sinogram)
        if self.sinogram_net is None:
            return start
        seen, scale = li_sinogram, unit
        if self.settings.sinogram_start == "nmar" and prior_sinogram is not None:
            seen, scale = start - prior_sinogram, _DIFFERENCE * unit
        made = scale * self.sinogram_net(seen / scale, trace)
        return torch.where(trace, start + made if self.settings.is_residual else made, li_sinogram)

    def invert(self, sinogram: Tensor, projector: Projector, known: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Apply the Radon inversion layer, equation (7): `[slice, view, bin]` -> `[slice, y, x]` in 1/cm.

        Args:
            sinogram: line integrals.
            projector: projector between images and sinograms.
            known: for clinical slices, the image in 1/cm and its sinogram. Only the change to the sinogram is
                then inverted; the result is added to this image, which therefore stays sharp.
        """
        layer = inversion(projector, self.settings.inversion)
        return layer(sinogram) if known is None else known[0] + layer(sinogram - known[1])

    def refine(self, inverted: Tensor, li_image: Tensor, start: Start | None = None) -> Tensor:
        """Return IE-Net's image in 1/cm: Xout = XLI + G_i(Xhat, XLI), equation (9).

        Without IE-Net, Xhat is returned unchanged.

        Args:
            inverted: Xhat, the image of SE-Net's sinogram, `[slice, y, x]`.
            li_image: XLI, the linear interpolation image.
            start: further inputs of IE-Net, if the settings use them.
        """
        if self.image_net is None:
            return inverted
        change = self.image_change(self.image_sees(inverted, li_image, start))
        if self.settings.image_start == "li":
            return li_image + change
        return torch.maximum(inverted + change, inverted.clamp(max=0))

    def image_sees(self, inverted: Tensor, li_image: Tensor, start: Start | None = None) -> Tensor:
        """Return IE-Net's input, `[slice, channel, y, x]`; the arguments are the same as for `refine`."""
        seen = [inverted, li_image] if self.settings.changes_sinogram else [li_image]
        if self.settings.sees_metal:
            assert start is not None
            seen.append(start.image)
        channels = torch.stack([each.clamp(0, _HIGHEST_MU) for each in seen], dim=1)
        if self.settings.is_relative:
            channels = channels / MU_WATER - 1
        if self.settings.sees_hidden:
            assert start is not None
            assert start.hidden is not None
            kind = torch.full_like(start.hidden, start.is_measured)
            channels = torch.cat([channels, start.hidden[:, None], kind[:, None]], dim=1)
        return channels

    def image_change(self, channels: Tensor) -> Tensor:
        """Compute the output of IE-Net in 1/cm, `[slice, y, x]`, from its input `[slice, channel, y, x]`.

        The height and width of patches should be multiples of 16 times `fold`.
        """
        fold = self.settings.fold
        rows, columns = channels.shape[-2:]
        framed = pad(channels, (0, -columns % fold, 0, -rows % fold), mode="replicate")
        assert self.image_net is not None
        # on a CPU, this takes a third less time than channels first
        folded = pixel_unshuffle(framed, fold).contiguous(memory_format=torch.channels_last)
        made: Tensor = pixel_shuffle(self.image_net(folded), fold)
        change = made[:, 0, :rows, :columns]
        return _CHANGE * change if self.settings.is_relative else change
