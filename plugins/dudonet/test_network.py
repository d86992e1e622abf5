"""Tests for the DuDoNet networks: the paper's equations and the untrained networks."""

from pathlib import Path
from typing import Any

import pytest
import torch

from marview.errors import BadInput
from marview.learning.networks import line_unit
from marview.learning.recipe import read_recipe
from marview.physics.attenuation import MU_WATER
from marview.projection import fill_linear

HERE = Path(__file__).parent


@pytest.mark.parametrize("size", [path.stem for path in sorted((HERE / "recipes").glob("*.toml"))])
def test_every_recipe_builds_its_networks(room: Any, size: str) -> None:
    recipe = read_recipe(HERE, size)
    with torch.device("meta"):
        network = room.training.EndToEnd().build(recipe.network)
    count = sum(each.numel() for each in network.parameters())
    if size == "paper":
        assert sum(each.numel() for each in network.sinogram_net.parameters()) == 12_439_498
        assert count == 25_834_251
    else:
        assert count <= 8_000_000


@pytest.mark.parametrize("is_residual", [False, True])
def test_exact_networks_give_the_truth(room: Any, is_residual: bool, exact: Any, discs: Any) -> None:
    pairs = discs(2)
    dual = exact(pairs, is_residual=is_residual)
    corrected, inverted, result = room.training.forward(dual, pairs)
    wanted = torch.where(pairs.trace, pairs.metal_free_sinogram, pairs.li_sinogram)
    assert torch.allclose(corrected, wanted, atol=1e-5)
    assert torch.allclose(inverted, pairs.projector.fbp(wanted), atol=1e-5)
    assert torch.allclose(result, pairs.truth_mu, atol=1e-6)
    losses = room.training.EndToEnd().losses(dual, pairs, "all", {})
    assert float(losses["image"]) < 1e-6


def test_the_networks_see_what_the_equations_say(room: Any, exact: Any, discs: Any) -> None:
    pairs = discs(2)
    dual = exact(pairs)
    _, inverted, _ = room.training.forward(dual, pairs)
    sinogram, trace = dual.sinogram_net.seen
    assert torch.allclose(sinogram * line_unit(pairs.projector), pairs.li_sinogram, atol=1e-5)
    assert torch.equal(trace, pairs.trace)
    (planes,) = dual.image_net.seen
    assert torch.equal(planes[:, 0], inverted.clamp(0, 1))
    assert torch.equal(planes[:, 1], pairs.li_image.clamp(0, 1))


def test_networks_that_start_at_zero_start_with_linear_interpolation(room: Any, made: Any, discs: Any) -> None:
    for is_clinical in (False, True):
        pairs = discs(is_clinical=is_clinical)
        dual = made.small(room, starts_at_zero=True, is_residual=True)
        corrected, inverted, result = room.training.forward(dual, pairs)
        assert torch.equal(corrected, pairs.li_sinogram)
        assert torch.allclose(inverted, pairs.li_image, atol=1e-6)
        assert torch.equal(result, pairs.li_image)


def test_a_body_that_fills_the_grid_looks_the_same_at_any_scale(room: Any, made: Any, discs: Any) -> None:
    pairs = discs()
    dual = made.small(room)
    once = dual.enhance(pairs.li_sinogram, pairs.trace, 4.0)
    assert torch.allclose(dual.enhance(2 * pairs.li_sinogram, pairs.trace, 8.0), 2 * once, atol=1e-4)
    assert line_unit(pairs.projector) == pytest.approx(4.0)


@torch.no_grad()
@pytest.mark.parametrize("is_clinical", [False, True])
def test_a_start_at_nmars_prior_differs_by_an_interpolation(
    room: Any, made: Any, is_clinical: bool, discs: Any
) -> None:
    pairs = discs(2, is_clinical=is_clinical)
    dual = made.small(room, **made.STAGED)
    case = pairs.case()
    prior = room.start.start_of(dual, case).prior_sinogram
    corrected, inverted, result = room.training.forward(dual, pairs)
    wanted = prior + fill_linear(pairs.sinogram - prior, pairs.trace)
    assert torch.allclose(corrected, wanted, atol=1e-4)
    assert torch.equal(corrected[~pairs.trace], pairs.li_sinogram[~pairs.trace])
    assert torch.allclose(inverted, pairs.reconstruct(wanted), atol=1e-4)
    assert torch.equal(result, inverted)


@torch.no_grad()
def test_image_network_gets_hidden_rays_and_whether_they_were_measured(
    room: Any, made: Any, gives: Any, discs: Any
) -> None:
    for is_clinical in (False, True):
        pairs = discs(2, is_clinical=is_clinical)
        dual = made.small(room, **made.STAGED)
        dual.image_net = gives(lambda seen: torch.ones_like(seen[:, :1]))
        _, inverted, result = room.training.forward(dual, pairs)
        (planes,) = dual.image_net.seen
        assert torch.allclose((planes[:, 0] + 1) * MU_WATER, inverted.clamp(0, 1), atol=1e-6)
        assert torch.allclose((planes[:, 2] + 1) * MU_WATER, pairs.image.clamp(0, 1), atol=1e-6)
        assert float(planes[:, 3][pairs.metal].min()) > 0.9
        assert bool((planes[:, 4] == (0 if is_clinical else 1)).all())
        assert torch.allclose(result - inverted, torch.full_like(result, 0.1 * MU_WATER), atol=1e-6)  # 100 HU


def test_settings_without_a_network_are_refused(room: Any) -> None:
    with pytest.raises(BadInput, match="nothing to learn"):
        room.settings.read_settings({"sinogram_net": "none", "image_net": False})
    with pytest.raises(BadInput, match="must be residual"):
        room.settings.read_settings({"sinogram_start": "nmar"})
