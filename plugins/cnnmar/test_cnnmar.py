"""Tests for CNNMAR: its steps with a given function in place of the network, its training and its weights."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from marview.errors import MethodFailed, UsageError
from marview.geometry import ParallelBeam
from marview.learning.api import Pairs, Trainable
from marview.learning.augment import augment
from marview.learning.recipe import read_recipe
from marview.methods.api import MarCase
from marview.methods.trace_completion import complete_with_prior
from marview.physics.attenuation import MU_WATER, hu_to_mu, mu_to_hu
from marview.projection import Projector
from marview.worker.loading import made_in

HERE = Path(__file__).parent
SIZE, PIXEL_MM = 64, 4.0
PAPER_TURNS = {"quarter_turns": 1, "mirrors": False}
BEAM = ParallelBeam(views=90, bins=93, bin_mm=PIXEL_MM)


def made_pairs(count: int = 1, seed: int = 0) -> Pairs:
    """Return training pairs with elliptical bodies that contain a bone and a metal rod."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    truth, metal = [], []
    for _ in range(count):
        image = np.where((x / rng.uniform(21, 26)) ** 2 + (y / rng.uniform(16, 21)) ** 2 < 1, 0.2, 0.0)
        image[np.hypot(x - rng.uniform(6, 11), y - 2) < 5] = 0.35
        truth.append(image)
        metal.append(np.hypot(x + rng.uniform(3, 8), y + rng.uniform(-5, 5)) < 2.6)
    truth_mu, solid = torch.from_numpy(np.float32(truth)), torch.from_numpy(np.array(metal))
    projector = Projector(BEAM, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM)
    free, through = projector.forward(truth_mu), projector.forward(2.4 * solid)
    return Pairs(
        truth_mu=truth_mu,
        metal=solid,
        sinogram=free + 3 * torch.tanh(through / 3),
        metal_free_sinogram=free,
        trace=projector.trace(solid),
        projector=projector,
    )


def case_of(pairs: Pairs) -> MarCase:
    return MarCase(
        hu=mu_to_hu(pairs.image),
        metal=pairs.metal,
        pixel_mm=PIXEL_MM,
        beam=BEAM,
        slice_indices=list(range(3, 3 + len(pairs))),
        measured_sinogram=pairs.sinogram,
        measured_trace=pairs.trace,
    )


def test_the_network_has_as_many_parameters_as_published(room) -> None:
    assert sum(one.numel() for one in room.network.Cnn().parameters()) == 28_929


def test_a_network_that_starts_as_li_hands_it_through(room) -> None:
    torch.manual_seed(1)
    cnn = room.network.Cnn(8, starts_as_li=True)
    seen = torch.rand(2, 3, 20, 24)
    for layer in cnn:
        if isinstance(layer, nn.Conv2d):
            layer.bias.data.zero_()
    last = cnn[-1]
    last.weight.data[:, 1:] = 0
    assert torch.allclose(cnn(seen)[:, 0], seen[:, 2])


def test_in_the_channels_metal_is_water_and_nothing_is_below_zero(room) -> None:
    image = torch.full((1, 9, 9), -0.1)
    metal = torch.zeros((1, 9, 9), dtype=torch.bool)
    metal[0, 4, 4] = True
    seen = room.network.channels(image, image + 0.3, image + 0.4, metal)
    cross = [(4, 4), (3, 4), (5, 4), (4, 3), (4, 5)]
    for channel, value in enumerate((0.0, 0.2, 0.3)):
        wanted = torch.full((9, 9), value)
        for place in cross:
            wanted[place] = MU_WATER
        assert torch.allclose(seen[0, channel], wanted)


def test_hardening_that_is_a_polynomial_of_the_length_is_removed_exactly(room) -> None:
    length = torch.rand(1, 30, 40) * 3
    trace = length > 1
    length = torch.where(trace, length, 0.0)
    li = torch.rand(1, 30, 40)
    sinogram = li + 2.4 * length - 0.3 * length**2 + 0.02 * length**3
    corrected = room.hardening.without_hardening(sinogram, li, trace, length)
    assert torch.allclose(corrected, li + 2.4 * length, atol=1e-4)
    assert torch.equal(corrected[~trace], sinogram[~trace])


def test_hardening_of_no_metal_changes_nothing(room) -> None:
    sinogram, nothing = torch.rand(2, 5, 6), torch.zeros(2, 5, 6)
    assert torch.equal(room.hardening.without_hardening(sinogram, sinogram, nothing > 0, nothing), sinogram)


def test_the_prior_flattens_soft_tissue_and_keeps_bone_and_air(room) -> None:
    rng = torch.Generator().manual_seed(0)
    image = torch.zeros(1, 60, 60)
    image[:, 5:55, 5:55] = 0.2 + 0.004 * torch.randn(50, 50, generator=rng)
    image[:, 10:20, 10:20] = 0.4
    image[:, 0, 0] = -0.02
    metal = torch.zeros(image.shape, dtype=torch.bool)
    metal[:, 30:33, 10:13] = True
    image[metal] = 3.0
    prior = room.prior.tissue_prior(image, metal)
    soft = (image > 0.1) & (image < 0.25)
    mean = float(torch.where(metal, MU_WATER, image)[soft | metal].mean())
    assert torch.allclose(prior[:, 35:45, 35:45], torch.tensor(mean), atol=1e-5)
    assert torch.allclose(prior[:, 10:20, 10:20], torch.tensor(0.4))
    assert float(prior[:, 0, 0]) == 0
    assert torch.allclose(prior[:, 30:33, 10:13], torch.tensor(mean), atol=0.004)


def test_lung_that_falls_among_soft_tissue_does_not_darken_it(room) -> None:
    image = torch.zeros(1, 60, 60)
    image[:, 5:55, 5:55] = 0.2
    image[:, 12:30, 12:48] = 0.11
    metal = torch.zeros(image.shape, dtype=torch.bool)
    ours, published = (room.prior.tissue_prior(image, metal, soft_from_hu=each)[0] for each in (-300, -1000))
    assert float(ours[45, 30]) == pytest.approx(0.2)
    assert float(ours[20, 30]) == pytest.approx(0.11)
    assert float(published[45, 30]) < 0.19


def test_metal_beside_bone_is_filled_with_bone(room) -> None:
    image = torch.full((1, 40, 40), 0.2)
    image[:, 10:20, 10:30] = 0.4
    image[:, :2] = 0
    metal = torch.zeros(image.shape, dtype=torch.bool)
    metal[:, 13:15, 15:18] = True
    image[metal] = 2.0
    assert torch.allclose(room.prior.tissue_prior(image, metal)[metal], torch.tensor(0.4))


@pytest.mark.parametrize("fill", [0.0, MU_WATER, 0.5])
def test_a_prior_of_one_tissue_or_metal_everywhere_is_finite(room, fill) -> None:
    image = torch.full((1, 20, 20), fill)
    for metal in (torch.zeros(image.shape, dtype=torch.bool), torch.ones(image.shape, dtype=torch.bool)):
        assert bool(room.prior.tissue_prior(image, metal).isfinite().all())


def test_an_exact_prior_gives_the_truth(room) -> None:
    pairs = made_pairs()
    free = pairs.metal_free_sinogram
    completed = complete_with_prior(pairs.sinogram, free, pairs.trace)
    assert torch.allclose(completed, free, atol=1e-4)


class Saying(nn.Module):
    """Network with a fixed output."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.image = image

    def forward(self, seen: Tensor) -> Tensor:
        return self.image.expand(len(seen), -1, -1)[:, None]


def test_a_network_that_says_the_truth_gives_nearly_the_truth(loaded, room, monkeypatch, weights_job) -> None:
    pairs = made_pairs()
    case = case_of(pairs)
    monkeypatch.setattr(room.method, "load", lambda job: Saying(pairs.truth_mu))
    job = weights_job(room.network.Cnn(8), {"width": 8})
    result = loaded.method.run(case, loaded.parameters({}), job)
    assert ("prior", 3) in job.shown
    assert result.prior_hu is not None
    away = ~pairs.metal
    assert float((result.prior_hu - mu_to_hu(pairs.truth_mu))[away].abs().mean()) < 20
    before, after = (
        float((one - pairs.metal_free_sinogram)[pairs.trace].abs().mean())
        for one in (pairs.li_sinogram, result.corrected_sinogram)
    )
    assert after < 0.25 * before


def test_outside_the_trace_the_sinogram_is_measured(loaded, room, weights_job) -> None:
    pairs = made_pairs(2)
    case = case_of(pairs)
    result = loaded.method.run(case, loaded.parameters({}), weights_job(room.network.Cnn(8), {"width": 8}))
    assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    assert bool(result.hu.isfinite().all())
    assert torch.allclose(result.hu, mu_to_hu(case.reconstruct(result.corrected_sinogram)))


def test_a_case_unlike_the_training_gets_a_note(loaded, room, weights_job) -> None:
    job = weights_job(room.network.Cnn(8), {"width": 8}, {"trace_share": [0.0, 0.001]})
    notes = loaded.method.run(case_of(made_pairs()), loaded.parameters({}), job).notes
    assert any(str(note).startswith("Slice 3: metal hides") for note in notes)


def test_wires_in_a_clinical_image_are_better_left_to_nmar(loaded, room, weights_job) -> None:
    pairs = made_pairs(2)
    wire = torch.zeros_like(pairs.metal)
    wire[1, SIZE // 2, SIZE // 2] = True  # adds nothing to the image
    for measured, is_told in ((None, True), (pairs.metal_free_sinogram, False)):
        case = MarCase(mu_to_hu(pairs.truth_mu), wire, PIXEL_MM, BEAM, [7, 8], measured)
        notes = " ".join(
            map(
                str,
                loaded.method.run(case, loaded.parameters({}), weights_job(room.network.Cnn(8), {"width": 8})).notes,
            )
        )
        assert ("Slice 8: the metal hides few rays or attenuates little" in notes) == is_told
        assert "Slice 7: the metal hides few rays or attenuates little" not in notes


def test_weights_of_another_network_are_refused(loaded, room, weights_job) -> None:
    other = weights_job(room.network.Cnn(16), {"width": 8})
    with pytest.raises(MethodFailed, match="are for a different network"):
        loaded.method.run(case_of(made_pairs()), loaded.parameters({}), other)


def test_bundled_weights_are_of_the_published_network(loaded, room, weights_job) -> None:
    loaded.check_weights()
    job = weights_job.bundled(loaded)
    network = room.method.load(job)
    assert sum(one.numel() for one in network.parameters()) == 28_929
    assert set(json.loads(job.about_weights("")["limits"])) == {"trace_share", "body_share", "dense_hu"}


@pytest.mark.parametrize("size", ["paper", "bundled", "tiny"])
def test_recipes_are_whole(size) -> None:
    recipe = read_recipe(HERE, size)
    trainable: Trainable = made_in(HERE, recipe.training)
    count = sum(one.numel() for one in trainable.build(recipe.network).parameters())
    assert count == (28_929 if size != "tiny" else 2_049)


def test_the_paper_s_recipe_varies_nothing_but_patches() -> None:
    recipe = read_recipe(HERE, "paper")
    hu = np.float32(np.random.default_rng(0).normal(0, 50, (32, 32)))
    for seed in range(8):
        varied = augment(hu, hu.shape, recipe.data.augmentation, np.random.default_rng(seed))
        np.testing.assert_allclose(varied, hu, atol=0.05)
    assert recipe.data.metal.implants == recipe.data.phantoms == recipe.data.reprojected == 0
    assert {name: recipe.network[name] for name in PAPER_TURNS} == PAPER_TURNS


@pytest.mark.parametrize(
    ("settings", "steps", "most"),
    [
        ({"width": 16}, 100, 0.4),
        pytest.param(
            {"width": 32, "patch_px": SIZE, "hard_share": 0.0},
            1500,
            0.1,
            marks=[pytest.mark.slow, pytest.mark.timeout(1800)],
        ),
    ],
)
def test_eight_slices_are_learned_by_heart(room, learn_by_heart, settings, steps: int, most: float) -> None:
    """Training reduces the error in the trace to a fraction of linear interpolation's error.

    Tissue in these slices is uniform, so tissue processing does not remove any detail.
    """
    torch.manual_seed(0)
    pairs = made_pairs(8, seed=5)
    recipe = read_recipe(HERE, "tiny").network | {"patches": 8} | settings
    trainable = room.training.PatchTraining()
    network = trainable.build(recipe)
    before = trace_error(trainable, network, pairs, recipe)
    learn_by_heart(network, lambda _: trainable.losses(network, pairs, "all", recipe)["patch"], steps, 3e-3)
    after = trace_error(trainable, network, pairs, recipe)
    assert after < 0.8 * before
    assert after < most


def trace_error(trainable: Any, network: nn.Module, pairs: Pairs, recipe: Any) -> float:
    """Return the mean error of the corrected sinogram in the trace, as a fraction of linear interpolation's error."""
    network.eval()
    shares = []
    for one in (one_of(pairs, number) for number in range(len(pairs))):
        corrected = trainable.pictures(network, one, recipe)["corrected_sinogram"]
        found, li = ((each - one.metal_free_sinogram[0])[one.trace[0]] for each in (corrected, one.li_sinogram[0]))
        shares.append(float(found.abs().mean() / li.abs().mean()))
    network.train()
    return float(np.mean(shares))


def one_of(pairs: Pairs, number: int) -> Pairs:
    part = slice(number, number + 1)
    return Pairs(
        truth_mu=pairs.truth_mu[part],
        metal=pairs.metal[part],
        sinogram=pairs.sinogram[part],
        metal_free_sinogram=pairs.metal_free_sinogram[part],
        trace=pairs.trace[part],
        projector=pairs.projector,
    )


@pytest.mark.parametrize("values", [{"soft_from_hu": 1}, {"bone_from_hu": -1}, {"blend_px": 0}, {"colour": 1}])
def test_values_out_of_range_are_refused(loaded, values) -> None:
    with pytest.raises(UsageError, match=next(iter(values))):
        loaded.parameters(values)


def test_hu_of_the_first_centres_are_those_of_the_paper(room) -> None:
    assert [float(hu_to_mu(torch.tensor(each))) for each in room.prior._STARTS_HU] == pytest.approx(
        [0.0192, 0.192, 0.384]
    )
