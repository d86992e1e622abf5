"""Networks that translate an image into another one: layers, sizes, and a start that keeps the image."""

import pytest
import torch
from torch.nn.functional import conv2d, interpolate

from marview.learning.networks import Discriminator, Encoder, Generator, Translation
from marview.learning.networks.translation import LayerNorm, ResidualBlock, Upsampling


def test_upsampling_equals_repeated_pixels_and_a_wide_convolution() -> None:
    torch.manual_seed(0)
    layer, features = Upsampling(3, 2), torch.randn(2, 3, 6, 5)
    weight, bias = layer.convolution.weight, layer.convolution.bias
    expected = conv2d(interpolate(features, scale_factor=2), weight, bias, padding=2)
    made = layer(features)
    assert made.shape == expected.shape == (2, 2, 12, 10)
    assert torch.allclose(made[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], atol=1e-5)


def test_upsampling_of_an_even_image_is_even_up_to_its_edge() -> None:
    made = Upsampling(1, 1)(torch.ones(1, 1, 4, 4))
    assert torch.allclose(made, made[..., 3:4, 3:4].expand_as(made), atol=1e-6)


def test_layer_normalisation_has_mean_0_and_deviation_1() -> None:
    even = LayerNorm(3)(5 + 2 * torch.randn(2, 3, 8, 8))
    assert torch.allclose(even.mean(dim=(1, 2, 3)), torch.zeros(2), atol=1e-4)
    assert torch.allclose(even.std(dim=(1, 2, 3), correction=0), torch.ones(2), atol=1e-4)


@pytest.mark.parametrize("has_merges", [True, False])
def test_parameter_counts_are_the_published_ones(has_merges: bool) -> None:
    merges = 2 * (256**2 + 128**2 + 64**2) + 256 + 128 + 64
    counts = {
        kind: sum(each.numel() for each in network.parameters())
        for kind, network in {
            "encoder": Encoder(),
            "generator": Generator(has_merges=has_merges),
            "discriminator": Discriminator(),
        }.items()
    }
    assert counts["encoder"] == 5_379_584
    assert counts["generator"] == 5_920_833 - (0 if has_merges else merges)
    assert counts["discriminator"] == 660_929


def test_a_residual_translation_begins_with_the_image_itself() -> None:
    seen = torch.rand(1, 1, 32, 32)
    assert torch.equal(Translation(4, 1, has_norm=False, is_residual=True)(seen), seen)


@torch.no_grad()
def test_features_keep_their_size_without_normalisation() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(16, torch.nn.ReLU(), has_norm=False)
    features = torch.randn(1, 16, 16, 16)
    assert 0.9 < float(block(features).std() / features.std()) < 1.2
    sizes = [float(each.square().mean().sqrt()) for each in Encoder(16, 2, has_norm=False)(torch.randn(1, 1, 64, 64))]
    assert all(0.5 < size < 2 for size in sizes)


@pytest.mark.parametrize("square_px", [1, 2, 4])
def test_networks_that_see_squares_of_pixels_keep_the_size_of_an_image(square_px: int) -> None:
    seen = torch.rand(2, 1, 32, 48)
    network = Translation(4, 1, square_px=square_px)
    assert network(seen).shape == seen.shape
    assert network.multiple == 4 * square_px
    assert network.encoder(seen)[-1].shape[-2:] == (8 // square_px, 12 // square_px)


def test_a_generator_that_sees_details_merges_all_resolutions() -> None:
    torch.manual_seed(0)
    network = Translation(4, 1, has_merges=False, sees_details=True)
    seen = torch.rand(1, 1, 32, 32)
    assert network(seen).shape == seen.shape
    network(seen).sum().backward()
    assert all(each.weight.grad is not None and bool(each.weight.grad.any()) for each in network.generator.merges)
    plain = Translation(4, 1)
    plain(seen).sum().backward()
    assert all(each.weight.grad is None for each in plain.generator.merges)
