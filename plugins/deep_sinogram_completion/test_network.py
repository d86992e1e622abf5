"""Tests for the deep sinogram completion networks: the paper's equations and the untrained networks."""

from pathlib import Path
from typing import Any

import pytest
import torch

from marview.learning.networks import line_unit
from marview.learning.recipe import read_recipe
from marview.methods.trace_completion import interpolate_with_prior
from marview.projection import Projector, fill_linear

HERE = Path(__file__).parent
RECIPES = [path.stem for path in sorted((HERE / "recipes").glob("*.toml"))]


@pytest.mark.parametrize("size", RECIPES)
def test_every_recipe_builds_its_networks(room: Any, size: str) -> None:
    recipe = read_recipe(HERE, size)
    with torch.device("meta"):
        network = room.training.JointTraining().build(recipe.network)
    count = sum(each.numel() for each in network.parameters())
    if size == "paper":
        assert count == 3_351_969 + 12_439_498
    else:
        assert count <= 8_000_000


def test_exact_networks_give_the_reconstruction_of_the_truth(room: Any, exact: Any, discs: Any) -> None:
    pairs = discs(2)
    completion = exact(pairs)
    prior, completed, corrected = room.training.forward(completion, pairs)
    assert torch.allclose(prior, pairs.truth_mu, atol=1e-6)
    assert torch.allclose(completed, pairs.metal_free_sinogram, atol=1e-5)
    assert torch.allclose(pairs.reconstruct(corrected), pairs.projector.fbp(pairs.metal_free_sinogram), atol=1e-4)
    losses = room.training.joint_losses(completion, pairs, completion.settings.losses)
    assert max(float(losses[name]) for name in ("prior", "sinogram", "whole_sinogram")) < 1e-5


def test_the_networks_see_what_the_equations_say(room: Any, exact: Any, discs: Any) -> None:
    pairs = discs(2)
    completion = exact(pairs)
    room.training.forward(completion, pairs)
    (planes,) = completion.prior_net.seen
    assert torch.equal(planes[:, 0], pairs.image.clamp(0, 1))
    assert torch.equal(planes[:, 1], pairs.li_image.clamp(0, 1))
    residual, trace = completion.sinogram_net.seen
    unit = line_unit(pairs.projector)
    assert torch.allclose(residual * unit, pairs.metal_free_sinogram - pairs.li_sinogram, atol=1e-4)
    assert torch.equal(trace, pairs.trace)


def test_networks_that_start_at_zero_start_where_the_settings_say(room: Any, made: Any, discs: Any) -> None:
    pairs = discs()
    for start in ("li", "prior"):
        completion = made.small(room, starts_at_zero=True, start=start)
        prior, _, corrected = room.training.forward(completion, pairs)
        assert torch.equal(prior, pairs.li_image)
        nmar = made.small(room, starts_at_zero=True, prior_start="nmar")
        classes = room.network.classes(pairs.li_image, pairs.metal)
        assert torch.equal(nmar.prior(pairs.image, pairs.li_image, pairs.metal), classes)
        li_sinogram = pairs.projector.forward(prior)
        wanted = {
            "li": pairs.li_sinogram,
            "prior": torch.where(
                pairs.trace, li_sinogram + fill_linear(pairs.sinogram - li_sinogram, pairs.trace), pairs.sinogram
            ),
        }
        assert torch.allclose(corrected, wanted[start], atol=1e-5)


def test_interpolation_joins_the_prior_to_the_measured_sinogram(room: Any, made: Any, discs: Any) -> None:
    pairs = discs(2)
    completion = made.small(room, completion="interpolation")
    assert completion.sinogram_net is None
    prior, completed, _ = room.training.forward(completion, pairs)
    projected = pairs.projector.forward(prior)
    wanted = interpolate_with_prior(pairs.sinogram, projected, pairs.trace)
    assert torch.equal(completed, wanted)
    without = made.small(room, completion="interpolation", prior="none")
    assert torch.equal(without.complete(pairs.sinogram, None, pairs.trace, 1.0), pairs.li_sinogram)


def test_a_body_that_fills_the_grid_looks_the_same_at_any_scale(
    room: Any, made: Any, discs: Any, flat_beam: Any
) -> None:
    pairs = discs()
    completion = made.small(room)
    twice = Projector(flat_beam(2 * made.PIXEL_MM, made.SIZE), shape=(made.SIZE, made.SIZE), pixel_mm=2 * made.PIXEL_MM)
    unit, larger = (line_unit(each) for each in (pairs.projector, twice))
    prior = pairs.projector.forward(pairs.li_image)
    once = completion.complete(pairs.sinogram, prior, pairs.trace, unit)
    assert larger == 2 * unit
    assert torch.allclose(completion.complete(2 * pairs.sinogram, 2 * prior, pairs.trace, larger), 2 * once, atol=1e-4)
    assert line_unit(pairs.projector) == pytest.approx(4.0)  # the field of the published protocol
