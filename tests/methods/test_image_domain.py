"""Tests of image-domain networks: the unit of their images, and the artifact image they subtract."""

import pytest
import torch
from torch import Tensor

from marview.methods.image_domain import artifact_image, averaged_over_flips, to_mu, to_unit
from marview.physics.attenuation import hu_to_mu


def test_the_unit_ends_at_air_and_1604_hu() -> None:
    hu = torch.tensor([[[-1500.0, -1000.0, 1604.2, 9000.0]]])
    assert to_unit(hu_to_mu(hu)).flatten().tolist() == pytest.approx([-1, -1, 1, 1], abs=1e-3)
    mu = torch.rand(2, 3, 4) * 0.5
    assert torch.allclose(to_mu(to_unit(mu)), mu, atol=1e-6)


@pytest.mark.parametrize("fold", [1, 4, 32])
def test_images_of_any_size_keep_their_size(fold: int) -> None:
    def correct(seen: Tensor) -> Tensor:
        assert seen.shape[-2] % fold == 0
        assert seen.shape[-1] % fold == 0
        return seen - 0.1

    artifact = artifact_image(correct, 0.2 + 0.1 * torch.rand(2, 33, 30), fold)
    assert artifact.shape == (2, 33, 30)
    assert torch.allclose(artifact, torch.full_like(artifact, 0.025), atol=1e-6)


def test_dense_metal_and_bone_beyond_the_scale_keep_their_values() -> None:
    hu = torch.tensor([[[-1200.0, 40.0], [2500.0, 9000.0]]])
    same = artifact_image(lambda seen: seen, hu_to_mu(hu), 1)
    assert torch.equal(same, torch.zeros_like(same))
    darker = artifact_image(lambda seen: seen - 0.1, hu_to_mu(hu), 1)
    assert torch.allclose(darker[0, 1], torch.full((2,), 0.025), atol=1e-6)  # the change alone, not the clipped range


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("fold", [1, 4, 8])
def test_every_copy_of_an_image_is_put_back_in_place(count: int, fold: int) -> None:
    image = torch.rand(1, 1, 12, 20)
    assert torch.allclose(averaged_over_flips(lambda seen: seen, count, fold)(image), image)


def test_copies_have_sizes_that_the_network_accepts() -> None:
    sizes = []

    def correct(seen: torch.Tensor) -> torch.Tensor:
        sizes.append(seen.shape[-2:])
        return seen

    averaged_over_flips(correct, 4, 8)(torch.rand(1, 1, 16, 24))
    assert len(sizes) == 4
    assert all(rows % 8 == columns % 8 == 0 for rows, columns in sizes)


def test_errors_that_repeat_with_the_squares_of_a_network_cancel() -> None:
    rough = torch.where(torch.arange(32) % 8 < 4, 0.1, -0.1)

    def correct(seen: torch.Tensor) -> torch.Tensor:
        return seen + rough[: seen.shape[-1]] * rough[: seen.shape[-2], None]

    image = torch.zeros(1, 1, 24, 24)
    one, mean = (averaged_over_flips(correct, count, 8)(image).square().mean().sqrt() for count in (1, 4))
    assert mean < 0.6 * one


def test_the_mean_over_four_flips_does_not_depend_on_how_an_image_is_mirrored() -> None:
    mean = averaged_over_flips(lambda seen: seen * torch.arange(8.0) * torch.arange(6.0).view(-1, 1).square(), 4)
    image = torch.rand(1, 1, 6, 8)
    for axes in ((2,), (3,), (2, 3)):
        assert torch.allclose(mean(image.flip(axes)), mean(image).flip(axes), rtol=1e-5)
