"""Encoders, generators and discriminators that translate one image into another (Liao 2019, section III).

Images are `[slice, 1, y, x]`, scaled as described in `marview.methods.image_domain`. The height and width of images
must be multiples of `FOLD`, or of a larger number if the networks rearrange squares of pixels into channels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, pixel_shuffle, pixel_unshuffle

from marview.learning.networks.start import keep_feature_size

FOLD = 4
"""The edges of an image must be multiples of this number, because encoders halve the image twice."""

_SLOPE = 0.2
_QUIET = 0.1
"""Factor on the initial weights of the last convolution of a residual block without normalisation."""


class LayerNorm(nn.Module):
    """Layer that normalises over channels and pixels, and then scales and shifts each channel.

    Args:
        channels: number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Normalise feature maps `[slice, channel, y, x]`."""
        flat = features.float().flatten(1)
        deviation, mean = torch.std_mean(flat, dim=1, correction=0)
        shape = (-1, 1, 1, 1)
        even = (features - mean.view(shape)) / (deviation.view(shape) + 1e-5)
        normed: Tensor = even * self.gamma.view(1, -1, 1, 1) + self.beta.view(1, -1, 1, 1)
        return normed


class ResidualBlock(nn.Module):
    """Residual block: two 3 x 3 convolutions, whose output is added to the input.

    Args:
        channels: number of channels.
        activation: activation between the convolutions.
        has_norm: whether instance normalisation follows each convolution.
    """

    def __init__(self, channels: int, activation: nn.Module, *, has_norm: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += [
                nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect"),
                _instance(channels, has_norm),
            ]
        layers.insert(2, activation)
        self.layers = nn.Sequential(*layers)
        if not has_norm:
            keep_feature_size(self)
            last = self.layers[3]
            assert isinstance(last, nn.Conv2d)
            last.weight.data.mul_(_QUIET)

    def forward(self, features: Tensor) -> Tensor:
        """Compute new feature maps of the same shape, `[slice, channel, y, x]`."""
        changed: Tensor = features + self.layers(features)
        return changed


class Upsampling(nn.Module):
    """Twofold upsampling by pixel repetition and a 5 x 5 convolution, computed as one 3 x 3 convolution.

    Each of the four copies of a pixel depends on 3 x 3 pixels of the small image, weighted by sums of the
    5 x 5 weights. The single convolution needs 36 multiplications for each pixel of the small image instead
    of 100. The small image is padded by replication.

    Args:
        before: number of channels of the small image.
        after: number of channels of the enlarged image.
    """

    folding: Tensor

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, 5)
        sums = torch.zeros(2, 3, 5)  # [copy of the pixel, tap of 3, tap of 5]
        for pixel in range(2):
            for tap in range(5):
                sums[pixel, (pixel + tap) // 2, tap] = 1
        self.register_buffer("folding", sums, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Double the height and width of feature maps `[slice, channel, y, x]`."""
        weight = self.convolution.weight
        with torch.autocast(features.device.type, enabled=False):
            folded = torch.einsum("psk,qtl,oikl->opqist", self.folding, self.folding, weight)
        bias = self.convolution.bias
        assert bias is not None
        kernels = folded.reshape(4 * weight.shape[0], weight.shape[1], 3, 3).contiguous(
            memory_format=torch.channels_last
        )
        small = pad(features, (1, 1, 1, 1), mode="replicate")
        return pixel_shuffle(conv2d(small, kernels, bias.repeat_interleave(4)), 2)


class Encoder(nn.Module):
    """Encoder that reduces an image to a quarter of its resolution.

    The encoder has 5,379,584 parameters at width 64 with 4 blocks.

    Args:
        width: number of channels at full resolution.
        blocks: number of residual blocks.
        has_norm: whether feature maps are normalised.
        square_px: edge length, in pixels, of the image squares that are rearranged into channels.
    """

    def __init__(self, width: int = 64, blocks: int = 4, *, has_norm: bool = True, square_px: int = 1) -> None:
        super().__init__()
        self.square_px = square_px
        self.full_size = _down(square_px**2, width, 7, 1, has_norm=has_norm)
        self.half_size = _down(width, 2 * width, 4, 2, has_norm=has_norm)
        self.quarter_size = _down(2 * width, 4 * width, 4, 2, has_norm=has_norm)
        self.blocks = nn.Sequential(*(ResidualBlock(4 * width, nn.ReLU(), has_norm=has_norm) for _ in range(blocks)))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the feature maps at full and half resolution and the code at a quarter of the resolution."""
        full = self.full_size(_squares(image, self.square_px))
        half = self.half_size(full)
        return [full, half, self.blocks(self.quarter_size(half))]


class Generator(nn.Module):
    """Generator that creates an image from a content code and, optionally, an artifact code.

    The generator has 5,920,833 parameters at width 64 with 4 blocks.

    Args:
        width: number of channels at full resolution.
        blocks: number of residual blocks.
        has_norm: whether feature maps are normalised.
        is_residual: whether the network output, initially zero, is added to a given image.
        has_merges: whether the generator has the convolutions that merge an artifact code. Both generators
            of ADN have these convolutions, which agrees with the published parameter counts.
        square_px: edge length, in pixels, of the image squares that are rearranged into channels.
    """

    def __init__(
        self,
        width: int = 64,
        blocks: int = 4,
        *,
        has_norm: bool = True,
        is_residual: bool = False,
        has_merges: bool = True,
        square_px: int = 1,
    ) -> None:
        super().__init__()
        counts = (4 * width, 2 * width, width)
        leaky = nn.LeakyReLU(_SLOPE)
        self.blocks = nn.Sequential(*(ResidualBlock(counts[0], leaky, has_norm=has_norm) for _ in range(blocks)))
        self.merges = nn.ModuleList(nn.Conv2d(2 * count, count, 1) for count in counts if has_merges)
        if not has_norm:
            keep_feature_size(self.merges, nonlinearity="linear")
        self.to_half = _up(counts[0], counts[1], has_norm=has_norm)
        self.to_full = _up(counts[1], counts[2], has_norm=has_norm)
        self.last = nn.Conv2d(width, square_px**2, 7, padding=3, padding_mode="reflect")
        self.square_px = square_px
        self.is_residual = is_residual
        if is_residual:
            nn.init.zeros_(self.last.weight)
            assert self.last.bias is not None
            nn.init.zeros_(self.last.bias)

    def forward(self, content: Tensor, base: Tensor, merged: Sequence[Tensor] = ()) -> Tensor:
        """Generate an image.

        Args:
            content: content code from an encoder.
            base: image that a residual generator adds its output to, `[slice, 1, y, x]`.
            merged: feature maps at full, half and quarter resolution, for example from the artifact encoder,
                which are merged with the content; empty to generate the image from the content only.

        Returns:
            Generated image, `[slice, 1, y, x]`.
        """
        features = self.blocks(content)
        for number, layer in enumerate((self.to_half, self.to_full, self.last)):
            if merged:
                features = self.merges[number](torch.cat([features, merged[-1 - number]], dim=1))
            features = layer(features)
        features = pixel_shuffle(features, self.square_px)
        made: Tensor = base + features if self.is_residual else torch.tanh(features)
        return made


class Discriminator(nn.Sequential):
    """Discriminator that returns 1 for real and 0 for generated image patches.

    The discriminator has 660,929 parameters at width 64.

    Args:
        width: number of channels in the first layer.
        inputs: number of images that are assessed together as the channels of one input.
    """

    def __init__(self, width: int = 64, inputs: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, width, 4, 2, 1),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.InstanceNorm2d(2 * width),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(2 * width, 4 * width, 4, 1, 1),
            nn.InstanceNorm2d(4 * width),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(4 * width, 1, 4, 1, 1),
        )


class Translation(nn.Module):
    """Encoder and generator that translate one image into another.

    Together, the encoder and the generator have 11,300,417 parameters at width 64 with the convolutions that
    merge codes. The arguments that are not listed here are the same as for `Generator`.

    Args:
        sees_details: whether the generator merges the encoder's feature maps at all resolutions with the
            content, as a U-Net does.

    Attributes:
        multiple: number that must divide the height and width of images.
    """

    def __init__(
        self,
        width: int = 64,
        blocks: int = 4,
        *,
        has_norm: bool = True,
        is_residual: bool = False,
        has_merges: bool = True,
        square_px: int = 1,
        sees_details: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(width, blocks, has_norm=has_norm, square_px=square_px)
        self.generator = Generator(
            width,
            blocks,
            has_norm=has_norm,
            is_residual=is_residual,
            has_merges=has_merges or sees_details,
            square_px=square_px,
        )
        self.multiple = FOLD * square_px
        self.sees_details = sees_details

    def forward(self, image: Tensor) -> Tensor:
        """Translate an image, `[slice, 1, y, x]`."""
        return self.made_of(self.encoder(image), image)

    def made_of(self, codes: Sequence[Tensor], image: Tensor) -> Tensor:
        """Translate an image whose encoder feature maps have already been computed."""
        made: Tensor = self.generator(codes[-1], image, codes if self.sees_details else ())
        return made


def _squares(image: Tensor, edge: int) -> Tensor:
    """Return the pixels of each square of an image as channels, `[slice, edge^2, y / edge, x / edge]`."""
    if edge == 1:
        return image
    return pixel_unshuffle(image, edge).contiguous(memory_format=torch.channels_last)


def _instance(channels: int, has_norm: bool) -> nn.Module:  # noqa: FBT001 - one of two layers
    return nn.InstanceNorm2d(channels) if has_norm else nn.Identity()


def _down(before: int, after: int, kernel: int, stride: int, *, has_norm: bool) -> nn.Sequential:
    padding = (kernel - 1) // 2
    convolution = nn.Conv2d(before, after, kernel, stride, padding, padding_mode="reflect")
    layers = nn.Sequential(convolution, _instance(after, has_norm), nn.ReLU())
    if not has_norm:
        keep_feature_size(layers)
    return layers


def _up(before: int, after: int, *, has_norm: bool) -> nn.Sequential:
    norm = LayerNorm(after) if has_norm else nn.Identity()
    layers = nn.Sequential(Upsampling(before, after), norm, nn.LeakyReLU(_SLOPE))
    if not has_norm:
        keep_feature_size(layers)
    return layers
