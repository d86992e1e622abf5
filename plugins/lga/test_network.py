"""Tests for the Latent GSI Alignment networks: sizes, initial weights and inputs."""

from pathlib import Path
from typing import Any

import pytest
import torch

from marview.errors import BadInput
from marview.learning.recipe import read_recipe

HERE = Path(__file__).parent


def count(module: Any) -> int:
    return sum(each.numel() for each in module.parameters())


@pytest.mark.parametrize("size", ["paper", "bundled", "tiny"])
def test_both_stages_of_a_size_have_one_network(size: str) -> None:
    first = read_recipe(HERE, "autoencoder" if size == "bundled" else f"{size}_autoencoder").network
    second = read_recipe(HERE, size).network
    training_only = {"crop_px", "altered", "reach_px", "bound_hu", "image", "code", "invariant"}
    assert {n: v for n, v in first.items() if n not in training_only} == {
        n: v for n, v in second.items() if n not in training_only
    }


@pytest.mark.parametrize(
    ("size", "expected"),
    [("paper", (3_491_720, 3_480_961, 11_820_036, 371_392)), ("bundled", (75_600, 68_668, 1_365_996, 95_840))],
)
def test_parameter_counts(room: Any, size: str, expected: tuple[int, ...]) -> None:
    network = room.network.build(read_recipe(HERE, size).network)
    encoder, decoder, alignment, contrast = expected
    assert {name: count(part) for name, part in network.named_children()} == {
        "encoder": encoder,
        "decoder_ordinary": decoder,
        "decoder_gsi": decoder,
        "alignment": alignment,
        "contrast_ordinary": contrast,
        "contrast_gsi": contrast,
    }


def test_code_is_smaller_than_the_slice_by_the_scale(room: Any, made: Any) -> None:
    for settings in (made.SMALL, {"fold": 1, "widths": [4, 4, 4], "alignment_widths": [4, 4], "heads": 2}):
        network = room.network.build(settings)
        assert network.settings.scale == 4
        assert network.settings.multiple == 8
        volume = torch.zeros(2, 3, 16, 24)
        mean, log_variance = network.encoder(volume)
        assert mean.shape == log_variance.shape == (2, network.settings.latent, 4, 6)
        assert network.decoder_gsi(mean).shape == (2, 1, 16, 24)


def test_cosines_are_orthonormal_and_begin_with_the_mean(room: Any) -> None:
    basis = room.autoencoder.cosines(4, 16)[:, 0].flatten(1)
    assert torch.allclose(basis @ basis.T, torch.eye(16), atol=1e-5)
    assert torch.allclose(basis[0], torch.full((16,), 0.25))


def test_linear_autoencoder_starts_as_a_cosine_transform(room: Any, made: Any) -> None:
    network = room.network.build(made.SMALL | {"latent": 16}).eval()
    volume = torch.rand(1, 3, 16, 16) * 2 - 1
    for decoder in (network.decoder_ordinary, network.decoder_gsi):
        assert torch.allclose(decoder(network.code(volume)), volume[:, 1:2], atol=1e-4)


def test_alignment_starts_at_zero(room: Any, made: Any) -> None:
    volume, mask, kinds = torch.rand(2, 3, 16, 16), torch.ones(2, 1, 16, 16), torch.tensor([0, 3])
    for adds in (True, False):
        network = room.network.build(made.SMALL | {"adds_change": adds})
        code, aligned, image = network.aligned(volume, mask, kinds)
        assert torch.equal(code, aligned)
        assert torch.equal(image, volume[:, 1:2] if adds else network.decoder_gsi(code))


def test_alignment_sees_metal_and_implant_type(room: Any, made: Any) -> None:
    torch.manual_seed(0)
    alignment = room.network.build(made.SMALL).alignment
    for each in alignment.parameters():
        torch.nn.init.normal_(each, std=0.2)
    code, none, metal = torch.randn(1, 8, 4, 4), torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16)
    hip, spine = torch.tensor([0]), torch.tensor([2])
    change = alignment(code, none, hip)
    assert change.shape == code.shape
    assert not torch.allclose(change, alignment(code, metal, hip))
    assert not torch.allclose(change, alignment(code, none, spine))


def test_alignment_sees_only_the_priors_of_the_settings(room: Any, made: Any) -> None:
    torch.manual_seed(0)
    volume, hip, spine = torch.rand(1, 3, 16, 16), torch.tensor([0]), torch.tensor([2])
    none, metal = torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16)
    for name, other in (("sees_mask", (metal, hip)), ("sees_implant", (none, spine))):
        network = room.network.build(made.SMALL | {name: False}).eval()
        for each in network.alignment.parameters():
            torch.nn.init.normal_(each, std=0.2)
        image = network.aligned(volume, none, hip)[2]
        assert torch.equal(image, network.aligned(volume, *other)[2])
        assert not torch.equal(image, network.aligned(volume, metal, spine)[2])


def test_slices_of_any_size_keep_their_size(room: Any, made: Any) -> None:
    network = room.network.build(made.SMALL)
    mask = torch.zeros(1, 33, 30, dtype=torch.bool)
    change = room.network.change_hu(network, torch.zeros(1, 3, 33, 30), mask, torch.tensor([3]))
    assert change.shape == (1, 33, 30)
    assert torch.equal(change, torch.zeros_like(change))


def test_contrast_is_least_when_each_slice_finds_its_own(room: Any) -> None:
    features = torch.eye(4)[:, :, None, None] * 3
    own = float(room.contrast.contrast(features, features))
    assert own < 0.01
    assert float(room.contrast.contrast(features, features.roll(1, 0))) > 5
    assert float(room.contrast.contrast(torch.ones(4, 4, 1, 1), torch.ones(4, 4, 1, 1))) == pytest.approx(
        1.386, abs=1e-3
    )


def test_wrong_settings_are_named(room: Any, made: Any) -> None:
    with pytest.raises(BadInput, match="of Latent GSI Alignment are invalid: slices: 2 slices have no middle slice"):
        room.network.build(made.SMALL | {"slices": 2})
    with pytest.raises(BadInput, match="There is no field colour"):
        room.network.build(made.SMALL | {"colour": 1})
