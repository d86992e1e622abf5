"""PriorNet and SinoNet, and sinogram completion with both networks (Yu 2021, equations 1 to 5)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from marview.learning.networks import MaskPyramidUNet, UNet
from marview.methods.tissue_prior import prior_image as tissue_prior
from marview.methods.trace_completion import interpolate_with_prior
from marview.physics.attenuation import MU_WATER
from marview.projection import fill_linear

from .settings import Settings

_HIGHEST_MU = 1.0
_SMOOTHING_PX = 1.0
_LEAST_BONE = 1.2 * MU_WATER


class Completion(nn.Module):
    """Both networks of deep sinogram completion.

    Attributes:
        settings: settings of both networks.
        prior_net: network that makes the prior image; None if the completion uses no prior.
        sinogram_net: network that completes the sinogram; None for interpolation.
    """

    def __init__(self, settings: Settings) -> None:
        """Build the network with random weights."""
        super().__init__()
        self.settings = settings
        folded = settings.fold**2
        self.prior_net: nn.Module | None = None
        if settings.prior != "none":
            seen = (
                (2 if settings.prior_input == "both" else 1) + (settings.prior_start == "nmar") + settings.sees_hidden
            )
            self.prior_net = UNet(
                folded * seen,
                folded,
                settings.prior_base,
                has_norm=settings.has_norm,
                starts_at_zero=settings.starts_at_zero,
            )
        self.sinogram_net: nn.Module | None = None
        if settings.completion == "network":
            self.sinogram_net = MaskPyramidUNet(settings.sinogram_base, starts_at_zero=settings.starts_at_zero)

    def prior(self, image: Tensor, li_image: Tensor, metal: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return PriorNet's image in 1/cm: XLI + f_P([Xma, XLI]), equation (1).

        Args:
            image: image with metal, 1/cm, `[slice, y, x]`.
            li_image: linear interpolation image.
            metal: metal mask, bool.
            hidden: result of `hidden_share`, if it is an input of PriorNet.

        Returns:
            Prior image, `[slice, y, x]`; the linear interpolation image if the settings use no prior.
        """
        if self.prior_net is None:
            return li_image
        seen, start = self.prior_sees(image, li_image, metal, hidden)
        return start + self.prior_change(seen)

    def prior_sees(
        self, image: Tensor, li_image: Tensor, metal: Tensor, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return PriorNet's input and the image that PriorNet corrects.

        The input has the shape `[slice, channel, y, x]`. The image, `[slice, y, x]`, is in 1/cm. The arguments
        are the same as for `prior`.
        """
        images = [image.clamp(0, _HIGHEST_MU)]
        start = images[0]
        if self.settings.prior_input == "both":
            images.append(li_image.clamp(0, _HIGHEST_MU))
            start = li_image
        if self.settings.prior_start == "nmar":
            start = classes(li_image, metal)
            images.append(start)
        seen = torch.stack(images, dim=1)
        if self.settings.is_relative:
            seen = seen / MU_WATER - 1
        if self.settings.sees_hidden:
            assert hidden is not None
            seen = torch.cat([seen, hidden[:, None]], dim=1)
        return seen, start

    def guide(self, prior: Tensor, metal: Tensor) -> Tensor:
        """Return the image that guides the completion, `[slice, y, x]`, in 1/cm.

        This is the prior image, either unchanged or reduced to its tissue classes.
        """
        return classes(prior, metal) if self.settings.prior == "tissue" else prior

    def complete(self, sinogram: Tensor, prior_sinogram: Tensor | None, trace: Tensor, unit: float) -> Tensor:
        """Return SinoNet's sinogram S'corr, equation (4): SLI + f_S([Sprior - SLI, Tr]).

        Without SinoNet, the trace is interpolated (see `join`).

        Args:
            sinogram: sinogram with metal, line integrals, `[slice, view, bin]`; it may be a block of views.
            prior_sinogram: sinogram of the prior image; None if the completion uses no prior.
            trace: metal trace, bool.
            unit: line integral that is scaled to 1 (`line_unit`), which is proportional to the field of view.

        Returns:
            Output of the network, `[slice, view, bin]`, inside and outside the trace.
        """
        if self.sinogram_net is None:
            return self.join(sinogram, prior_sinogram, trace)
        li_sinogram = fill_linear(sinogram, trace)
        if self.settings.prior == "none" or prior_sinogram is None:
            seen, start = li_sinogram, li_sinogram
        elif not self.settings.is_residual:
            seen, start = prior_sinogram, torch.zeros_like(prior_sinogram)
        elif self.settings.start == "li":
            seen, start = prior_sinogram - li_sinogram, li_sinogram
        else:
            seen, start = prior_sinogram - li_sinogram, interpolate_with_prior(sinogram, prior_sinogram, trace)
        one = self.settings.sinogram_unit * unit
        found: Tensor = self.sinogram_net(seen / one, trace)
        return start + one * found

    def join(self, sinogram: Tensor, prior_sinogram: Tensor | None, trace: Tensor) -> Tensor:
        """Interpolate across the trace, using the prior's sinogram if there is one.

        The arguments are the same as for `complete`.
        """
        if prior_sinogram is None:
            return fill_linear(sinogram, trace)
        return interpolate_with_prior(sinogram, prior_sinogram, trace)

    def prior_change(self, channels: Tensor) -> Tensor:
        """Compute the output of PriorNet in 1/cm, `[slice, y, x]`, from its input `[slice, channel, y, x]`."""
        fold = self.settings.fold
        rows, columns = channels.shape[-2:]
        framed = pad(channels, (0, -columns % fold, 0, -rows % fold), mode="replicate")
        assert self.prior_net is not None
        made: Tensor = pixel_shuffle(self.prior_net(pixel_unshuffle(framed, fold)), fold)
        change = made[:, 0, :rows, :columns]
        return MU_WATER * change if self.settings.is_relative else change


def classes(image: Tensor, metal: Tensor) -> Tensor:
    """Reduce an image to air, lung, water and bone, as in NMAR's prior.

    Metal becomes water. The image and the result are in 1/cm, `[slice, y, x]`.
    """
    return tissue_prior(image, metal, _SMOOTHING_PX, _LEAST_BONE, has_lung=True)
