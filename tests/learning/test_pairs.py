"""Simulated pairs: shapes, randomness and truth."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from marview.learning.bank import Bank
from marview.learning.pairs import SimulatedPairs, ValidationPairs, scan
from marview.learning.recipe import Data

CPU = torch.device("cpu")
MEASURED = Data(protocols=("adn-256",), reprojected=0.0, phantoms=0.0, batch=2)


@pytest.fixture(scope="module")
def source(bank: Bank) -> SimulatedPairs:
    return SimulatedPairs(bank, MEASURED, CPU, seed=1)


@pytest.fixture(scope="module")
def pairs(source: SimulatedPairs):
    return source(0)


@pytest.fixture(scope="module")
def clinical(source: SimulatedPairs):
    scene = replace(source.scene(0), kernel="hann")
    return scan(replace(scene, hu=scene.hu[:1], metal={name: each[:1] for name, each in scene.metal.items()}), CPU)


def test_images_and_sinograms_have_the_protocols_shapes(pairs) -> None:
    for image in (pairs.truth_mu, pairs.metal, pairs.image, pairs.li_image):
        assert tuple(image.shape) == (2, 256, 256)
    for sinogram in (pairs.sinogram, pairs.metal_free_sinogram, pairs.trace, pairs.li_sinogram):
        assert tuple(sinogram.shape) == (2, 320, 197)
    assert pairs.metal.dtype == pairs.trace.dtype == torch.bool
    assert pairs.truth_mu.dtype == pairs.sinogram.dtype == pairs.image.dtype == torch.float32
    assert len(pairs) == 2


def test_every_slice_has_metal_and_outside_its_trace_nothing_changes(pairs) -> None:
    assert bool(pairs.metal.flatten(1).any(dim=1).all())
    assert torch.equal(pairs.sinogram[~pairs.trace], pairs.metal_free_sinogram[~pairs.trace])
    assert float((pairs.sinogram - pairs.metal_free_sinogram)[pairs.trace].mean()) > 0


def test_the_same_number_gives_the_same_batch_whatever_was_asked_before(source, bank) -> None:
    again = SimulatedPairs(bank, MEASURED, CPU, seed=1)
    assert torch.equal(source(3).sinogram, again(3).sinogram)
    assert not torch.equal(source(3).sinogram, source(4).sinogram)


def test_seeds_and_processes_have_chances_of_their_own(source) -> None:
    first = source.scene(0).hu
    assert (replace(source, seed=2).scene(0).hu != first).any()
    assert (replace(source, process=1).scene(0).hu != first).any()


def test_the_network_s_generator_is_left_alone(source) -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    source(1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_li_is_better_than_nothing(pairs) -> None:
    def error(image: torch.Tensor) -> float:
        return float((image - pairs.truth_mu)[~pairs.metal].abs().mean())

    assert error(pairs.li_image) < error(pairs.image)


def test_the_sinogram_of_a_clinical_pair_is_its_image_projected(clinical) -> None:
    assert clinical.clinical_mu is not None
    assert tuple(clinical.image.shape) == (1, 416, 416)
    assert tuple(clinical.sinogram.shape) == (1, 640, 641)
    torch.testing.assert_close(clinical.sinogram, clinical.projector.forward(clinical.image))
    assert clinical.image is clinical.clinical_mu
    assert float(clinical.image.min()) >= 0


def test_a_clinical_image_is_changed_by_the_change_alone(clinical) -> None:
    torch.testing.assert_close(clinical.reconstruct(clinical.sinogram), clinical.image)

    def error(image: torch.Tensor) -> float:
        return float((image - clinical.truth_mu)[~clinical.metal].square().mean())

    repaired = torch.where(clinical.trace, clinical.metal_free_sinogram, clinical.sinogram)
    assert error(clinical.reconstruct(repaired)) < 0.2 * error(clinical.image)


def test_the_trace_of_a_clinical_pair_covers_its_metal(clinical) -> None:
    assert bool((clinical.trace | ~clinical.projector.trace(clinical.metal)).all())


def test_precomputed_attributes_are_present(source) -> None:
    made = scan(source.scene(0), CPU, ahead=("image", "li_image"))
    assert {"image", "li_image"} <= set(vars(made))


def test_validation_is_the_same_every_time_and_shows_slices_as_they_are(bank) -> None:
    how = MEASURED.model_copy(update={"batch": 1})
    one, again = ValidationPairs(bank, how, CPU, seed=1)(0), ValidationPairs(bank, how, CPU, seed=1)(0)
    assert torch.equal(one.sinogram, again.sinogram)
    bone = (one.truth_mu > 0.29).float().mean()
    assert 0.005 < float(bone) < 0.05


def test_a_reconstruction_lets_gradients_through(pairs) -> None:
    sinogram = pairs.li_sinogram.clone().requires_grad_()
    pairs.reconstruct(sinogram).square().mean().backward()
    assert sinogram.grad is not None
    assert bool(sinogram.grad.abs().sum() > 0)


@pytest.mark.slow  # starts processes that import torch
def test_workers_draw_the_same_scenes(bank, source) -> None:
    working = SimulatedPairs.of(bank, MEASURED.model_copy(update={"workers": 2}), CPU, seed=1)
    assert working.workers is not None
    try:
        for number in (0, 1, 5):
            np.testing.assert_array_equal(working.workers(number).hu, source.scene(number).hu)
    finally:
        working.workers.close()


@pytest.mark.parametrize("kind", ["pairs", "clinical"])
def test_the_case_of_a_batch_is_the_case_that_a_method_gets(kind: str, request: pytest.FixtureRequest) -> None:
    batch = request.getfixturevalue(kind)
    case = batch.case()
    assert torch.allclose(case.mu, batch.image, atol=1e-5)
    assert torch.equal(case.trace, batch.trace)
    assert torch.allclose(case.sinogram, batch.sinogram, atol=1e-3)
    assert torch.allclose(case.reconstruct(case.li_sinogram), batch.li_image, atol=1e-3)
    assert (case.measured_sinogram is None) == (kind == "clinical")
