"""Encoders, generators and discriminators of ADN (Liao 2019, section III).

Images are `[slice, 1, y, x]` in the network's unit: attenuation of 0 to 0.5/cm becomes -1 to 1. Edges are
multiples of 4.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

MOST_MU = 0.5
"""Attenuation in 1/cm where the network's scale ends, 1604 HU; the scale begins at 0, -1000 HU."""

PART = "reduction."
"""Names of the weights that inference needs begin with this."""

_SLOPE = 0.2
_FOLD = 4
"""Edges of an image must be multiples of this, since encoders halve it twice."""


class LayerNorm(nn.Module):
    """Normalise over channels and pixels, then scale and shift each channel.

    Args:
        channels: number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Feature maps `[slice, channel, y, x]`, normalised."""
        flat = features.float().flatten(1)
        deviation, mean = torch.std_mean(flat, dim=1, correction=0)
        shape = (-1, 1, 1, 1)
        even = (features - mean.view(shape)) / (deviation.view(shape) + 1e-5)
        normed: Tensor = even * self.gamma.view(1, -1, 1, 1) + self.beta.view(1, -1, 1, 1)
        return normed


class ResidualBlock(nn.Module):
    """Two convolutions of 3 x 3 whose output is added to the input.

    Args:
        channels: number of channels.
        activation: between the convolutions.
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

    def forward(self, features: Tensor) -> Tensor:
        """Feature maps `[slice, channel, y, x]`."""
        changed: Tensor = features + self.layers(features)
        return changed


class Encoder(nn.Module):
    """Encode an image at a quarter of its resolution: 5,379,584 parameters at width 64 with 4 blocks.

    Args:
        width: channels at full resolution.
        blocks: residual blocks.
        has_norm: whether feature maps are normalised.
    """

    def __init__(self, width: int = 64, blocks: int = 4, *, has_norm: bool = True) -> None:
        super().__init__()
        self.full_size = _down(1, width, 7, 1, has_norm=has_norm)
        self.half_size = _down(width, 2 * width, 4, 2, has_norm=has_norm)
        self.quarter_size = _down(2 * width, 4 * width, 4, 2, has_norm=has_norm)
        self.blocks = nn.Sequential(*(ResidualBlock(4 * width, nn.ReLU(), has_norm=has_norm) for _ in range(blocks)))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Feature maps of an image: at full and half resolution, and last the code at a quarter."""
        full = self.full_size(image)
        half = self.half_size(full)
        return [full, half, self.blocks(self.quarter_size(half))]


class Generator(nn.Module):
    """Make an image of a content code, with or without an artifact code: 5,920,833 parameters at width 64, 4 blocks.

    Both generators hold the convolutions that merge an artifact code, as in the published counts; the generator of
    images without metal does not use them.

    Args:
        width: channels at full resolution.
        blocks: residual blocks.
        has_norm: whether feature maps are normalised.
        is_residual: whether to add a change, zero at first, to a given image.
    """

    def __init__(self, width: int = 64, blocks: int = 4, *, has_norm: bool = True, is_residual: bool = False) -> None:
        super().__init__()
        counts = (4 * width, 2 * width, width)
        leaky = nn.LeakyReLU(_SLOPE)
        self.blocks = nn.Sequential(*(ResidualBlock(counts[0], leaky, has_norm=has_norm) for _ in range(blocks)))
        self.merges = nn.ModuleList(nn.Conv2d(2 * count, count, 1) for count in counts)
        self.to_half = _up(counts[0], counts[1], has_norm=has_norm)
        self.to_full = _up(counts[1], counts[2], has_norm=has_norm)
        self.last = nn.Conv2d(width, 1, 7, padding=3, padding_mode="reflect")
        self.is_residual = is_residual
        if is_residual:
            nn.init.zeros_(self.last.weight)
            assert self.last.bias is not None
            nn.init.zeros_(self.last.bias)

    def forward(self, content: Tensor, base: Tensor, artifact: Sequence[Tensor] = ()) -> Tensor:
        """Make an image.

        Args:
            content: code of an encoder.
            base: image that a residual generator changes, `[slice, 1, y, x]`.
            artifact: feature maps of the artifact encoder at full, half and quarter resolution; none to leave
                artifacts out.

        Returns:
            `[slice, 1, y, x]`.
        """
        features = self.blocks(content)
        for number, layer in enumerate((self.to_half, self.to_full, self.last)):
            if artifact:
                features = self.merges[number](torch.cat([features, artifact[-1 - number]], dim=1))
            features = layer(features)
        made: Tensor = base + features if self.is_residual else torch.tanh(features)
        return made


class Discriminator(nn.Sequential):
    """Judge patches of an image, about 1 for real ones and 0 for made ones: 660,929 parameters at width 64.

    Args:
        width: channels of the first layer.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__(
            nn.Conv2d(1, width, 4, 2, 1),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.InstanceNorm2d(2 * width),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(2 * width, 4 * width, 4, 1, 1),
            nn.InstanceNorm2d(4 * width),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(4 * width, 1, 4, 1, 1),
        )


class Reduction(nn.Module):
    """Remove artifacts from an image; the only part that inference needs, 11,300,417 parameters in the paper's size.

    Arguments as for `Generator`.
    """

    def __init__(self, width: int = 64, blocks: int = 4, *, has_norm: bool = True, is_residual: bool = False) -> None:
        super().__init__()
        self.encoder = Encoder(width, blocks, has_norm=has_norm)
        self.generator = Generator(width, blocks, has_norm=has_norm, is_residual=is_residual)

    def forward(self, image: Tensor) -> Tensor:
        """The image without artifacts, `[slice, 1, y, x]`."""
        made: Tensor = self.generator(self.encoder(image)[-1], image)
        return made


def removed(reduction: Reduction, mu: Tensor) -> Tensor:
    """Estimate the artifact image x - x̂, which is what a result leaves out of the image.

    Both images end where the network's scale ends, so that dense metal and bone beyond the scale keep their values in
    a result.

    Args:
        reduction: the network.
        mu: image with metal, 1/cm, `[slice, y, x]`, of any size.

    Returns:
        Artifact image in 1/cm, `[slice, y, x]`.
    """
    rows, columns = mu.shape[-2:]
    seen = to_unit(mu)
    whole = pad(seen, (0, -columns % _FOLD, 0, -rows % _FOLD), mode="replicate")
    made = reduction(whole)[..., :rows, :columns].float().clamp(-1, 1)
    artifact: Tensor = (seen - made)[:, 0] * (MOST_MU / 2)
    return artifact


def to_unit(mu: Tensor) -> Tensor:
    """Attenuation `[slice, y, x]` in 1/cm as the network sees it, `[slice, 1, y, x]`, clipped to its scale."""
    return mu[:, None].clamp(0, MOST_MU) * (2 / MOST_MU) - 1


def to_mu(image: Tensor) -> Tensor:
    """An image of the network, `[slice, 1, y, x]`, in 1/cm, `[slice, y, x]`."""
    return (image[:, 0].float() + 1) * (MOST_MU / 2)


def _instance(channels: int, has_norm: bool) -> nn.Module:  # noqa: FBT001 - one of two layers
    return nn.InstanceNorm2d(channels) if has_norm else nn.Identity()


def _down(before: int, after: int, kernel: int, stride: int, *, has_norm: bool) -> nn.Sequential:
    padding = (kernel - 1) // 2
    convolution = nn.Conv2d(before, after, kernel, stride, padding, padding_mode="reflect")
    return nn.Sequential(convolution, _instance(after, has_norm), nn.ReLU())


def _up(before: int, after: int, *, has_norm: bool) -> nn.Sequential:
    return nn.Sequential(
        nn.Upsample(scale_factor=2),
        nn.Conv2d(before, after, 5, padding=2, padding_mode="reflect"),
        LayerNorm(after) if has_norm else nn.Identity(),
        nn.LeakyReLU(_SLOPE),
    )
