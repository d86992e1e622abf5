"""Deep sinogram completion: the equations with known functions for networks, training and weights."""

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from marview.errors import BadInput, MethodFailed
from marview.geometry import FanBeamFlat
from marview.learning.api import Pairs
from marview.learning.recipe import read_recipe
from marview.learning.weights import About
from marview.physics.attenuation import MU_WATER, hu_to_mu, mu_to_hu
from marview.projection import Projector, fill_linear
from marview.worker.api import MarCase
from marview.worker.loading import LoadedMethod

HERE = Path(__file__).parent
SIZE, VIEWS, BINS = 48, 64, 75
PIXEL_MM = 153.6 / SIZE
RECIPES = [path.stem for path in sorted((HERE / "recipes").glob("*.toml"))]


def flat_beam(pixel_mm: float = PIXEL_MM, size: int = SIZE) -> FanBeamFlat:
    views, bins = (VIEWS, BINS) if size == SIZE else (32, 47)
    return FanBeamFlat(
        views=views,
        bins=bins,
        source_to_isocentre_mm=3 * size * pixel_mm,
        source_to_detector_mm=6 * size * pixel_mm,
        bin_mm=2 * math.sqrt(2) * size / bins * pixel_mm,
    )


def made_pairs(count: int = 1, seed: int = 0, size: int = SIZE) -> Pairs:
    """Discs with a bone and a rod that hardens the beam."""
    rng = np.random.default_rng(seed)
    pixel_mm = 153.6 / size
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    truth, metal = [], []
    for _ in range(count):
        image = np.where((x / rng.uniform(16, 20)) ** 2 + (y / rng.uniform(12, 16)) ** 2 < 1, 0.2, 0.0)
        image[np.hypot(x - rng.uniform(4, 8), y - 2) < 3.5] = 0.35
        truth.append(image)
        metal.append(np.hypot(x + rng.uniform(2, 6), y + rng.uniform(-4, 4)) < 2.2)
    truth_mu, solid = torch.from_numpy(np.float32(truth)), torch.from_numpy(np.array(metal))
    projector = Projector(flat_beam(pixel_mm, size), shape=(size, size), pixel_mm=pixel_mm)
    free, through = projector.forward(truth_mu), projector.forward(2.4 * solid)
    return Pairs(
        truth_mu=truth_mu,
        metal=solid,
        sinogram=free + 3 * torch.tanh(through / 3),
        metal_free_sinogram=free,
        trace=projector.trace(solid),
        projector=projector,
    )


def made_case(pairs: Pairs) -> MarCase:
    return MarCase(
        hu=mu_to_hu(pairs.image),
        metal=pairs.metal,
        pixel_mm=PIXEL_MM,
        beam=pairs.projector.beam,
        slice_indices=list(range(len(pairs))),
        measured_sinogram=pairs.sinogram,
    )


class Gives(nn.Module):
    """A network that is a known function."""

    def __init__(self, what: Any) -> None:
        super().__init__()
        self.what = what
        self.seen: list[Tensor] = []

    def forward(self, *seen: Tensor) -> Tensor:
        self.seen = list(seen)
        made: Tensor = self.what(*seen)
        return made


class WeightsJob:
    """A job whose weights were never written to a file."""

    device = torch.device("cpu")
    log = logging.getLogger("test")

    def __init__(self, network: nn.Module, settings: dict[str, Any]) -> None:
        self.shown: list[tuple[str, int]] = []
        self._weights = {name: tensor.half() for name, tensor in network.state_dict().items()}
        self._about = About("deep_sinogram_completion", "1.0.0", settings, ("syndeeplesion-640",)).as_metadata()

    def progress(self, fraction: float, text: str = "") -> None:
        assert 0 <= fraction <= 1

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        self.shown.append((name, slice_index))

    def check_cancelled(self) -> None: ...

    def weights(self, file: str) -> dict[str, Tensor]:
        return self._weights

    def about_weights(self, file: str) -> dict[str, str]:
        return self._about


SMALL = {"prior_base": 4, "sinogram_base": 4, "has_norm": False}


def small(room: Any, **settings: Any) -> Any:
    torch.manual_seed(1)
    return room.network.Completion(room.settings.read_settings(SMALL | settings)).eval()


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


def exact(room: Any, pairs: Pairs, **settings: Any) -> Any:
    """Networks that know the answer."""
    completion = small(room, **settings)
    unit = room.network.line_unit(pairs.projector)
    completion.prior_net = Gives(lambda seen: (pairs.truth_mu - pairs.li_image)[:, None])
    completion.sinogram_net = Gives(lambda seen, trace: (pairs.metal_free_sinogram - pairs.li_sinogram) / unit)
    return completion


def test_exact_networks_give_the_reconstruction_of_the_truth(room: Any) -> None:
    pairs = made_pairs(2)
    completion = exact(room, pairs)
    prior, completed, corrected = room.training.forward(completion, pairs)
    assert torch.allclose(prior, pairs.truth_mu, atol=1e-6)
    assert torch.allclose(completed, pairs.metal_free_sinogram, atol=1e-5)
    assert torch.allclose(pairs.reconstruct(corrected), pairs.projector.fbp(pairs.metal_free_sinogram), atol=1e-4)
    losses = room.training.joint_losses(completion, pairs, completion.settings.losses)
    assert max(float(losses[name]) for name in ("prior", "sinogram", "whole_sinogram")) < 1e-5


def test_the_networks_see_what_the_equations_say(room: Any) -> None:
    pairs = made_pairs(2)
    completion = exact(room, pairs)
    room.training.forward(completion, pairs)
    (planes,) = completion.prior_net.seen
    assert torch.equal(planes[:, 0], pairs.image.clamp(0, 1))
    assert torch.equal(planes[:, 1], pairs.li_image.clamp(0, 1))
    residual, trace = completion.sinogram_net.seen
    unit = room.network.line_unit(pairs.projector)
    assert torch.allclose(residual * unit, pairs.metal_free_sinogram - pairs.li_sinogram, atol=1e-4)
    assert torch.equal(trace, pairs.trace)


@torch.no_grad()
def test_losses_have_the_weights_of_the_paper(room: Any) -> None:
    pairs = made_pairs(2)
    completion = small(room)
    prior, completed, corrected = room.training.forward(completion, pairs)
    unit = room.network.line_unit(pairs.projector)
    losses = room.training.joint_losses(completion, pairs, completion.settings.losses)
    free = pairs.metal_free_sinogram
    image = (pairs.reconstruct(corrected) - pairs.truth_mu)[~pairs.metal].abs().mean()
    assert float(losses["prior"]) == pytest.approx(float((prior - pairs.truth_mu).abs().mean()), rel=1e-4)
    assert float(losses["sinogram"]) == pytest.approx(float((corrected - free).abs().mean()) / unit, rel=1e-4)
    assert float(losses["whole_sinogram"]) == pytest.approx(
        0.1 * float((completed - free).abs().mean()) / unit, rel=1e-4
    )
    assert float(losses["image"]) == pytest.approx(float(image), rel=1e-4)


ABLATIONS = [
    {},
    {"prior": "none"},
    {"prior": "tissue"},
    {"prior_input": "metal"},
    {"is_residual": False},
    {"start": "prior"},
    {"prior_start": "nmar"},
    {"fold": 2},
    {"fold": 5},
    {"is_relative": True, "sees_hidden": True},
    {"completion": "interpolation"},
    {"sinogram_unit": 0.1},
]


@pytest.mark.parametrize("settings", ABLATIONS, ids=str)
def test_outside_the_trace_the_sinogram_is_measured(loaded: LoadedMethod, room: Any, settings: dict[str, Any]) -> None:
    pairs = made_pairs(2)
    case = made_case(pairs)
    job = WeightsJob(small(room, **settings), SMALL | settings)
    result = loaded.method.run(case, loaded.parameters({}), job)
    assert result.corrected_sinogram is not None
    assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    assert not torch.equal(result.corrected_sinogram[case.trace], case.sinogram[case.trace])
    assert bool(result.hu.isfinite().all())
    shown = {("prior", k) for k in range(2)} | {("corrected_sinogram", k) for k in range(2)}
    assert set(job.shown) == shown


@pytest.mark.parametrize("settings", ABLATIONS, ids=str)
def test_every_ablation_learns(room: Any, settings: dict[str, Any]) -> None:
    pairs = made_pairs()
    training = room.training.JointTraining()
    network = training.build(SMALL | settings).train()
    losses = training.losses(network, pairs, "all", {})
    assert ("prior" in losses) is (settings.get("prior") != "none")
    torch.stack(list(losses.values())).sum().backward()
    assert all(each.grad is not None for each in training.parameters(network, "all"))
    assert set(training.pictures(network, pairs, {})) == {"prior", "result", "corrected_sinogram"}


def test_networks_that_start_at_zero_start_where_the_settings_say(room: Any) -> None:
    pairs = made_pairs()
    for start in ("li", "prior"):
        completion = small(room, starts_at_zero=True, start=start)
        prior, _, corrected = room.training.forward(completion, pairs)
        assert torch.equal(prior, pairs.li_image)
        nmar = small(room, starts_at_zero=True, prior_start="nmar")
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


def test_a_block_of_views_teaches_both_networks_what_whole_slices_do(room: Any) -> None:
    pairs = made_pairs(2)
    training = room.training.JointTraining()
    network = training.build(SMALL | {"losses": {"block_share": 1.0, "block_views": VIEWS}}).train()
    block = training.losses(network, pairs, "all", {})
    assert set(block) == {"prior", "sinogram", "whole_sinogram"}
    whole = training.losses(network.eval(), pairs, "all", {})
    assert all(float(block[name].detach()) == pytest.approx(float(whole[name].detach()), rel=1e-4) for name in block)
    few = training.build(SMALL | {"losses": {"block_share": 1.0, "block_views": 32}}).train()
    torch.stack(list(training.losses(few, pairs, "all", {}).values())).sum().backward()
    assert all(each.grad is not None for each in few.parameters())


def test_what_metal_hides_is_one_in_the_metal_and_nothing_where_no_hidden_ray_goes(room: Any) -> None:
    pairs = made_pairs(2)
    hidden = room.network.hidden_share(pairs.projector, pairs.trace)
    assert hidden.shape == pairs.truth_mu.shape
    assert float(hidden[pairs.metal].min()) > 0.9
    assert 0 <= float(hidden.min()) < 0.1
    none = room.network.hidden_share(pairs.projector, torch.zeros_like(pairs.trace))
    assert not bool(none.any())


def test_interpolation_joins_the_prior_to_the_measured_sinogram(room: Any) -> None:
    pairs = made_pairs(2)
    completion = small(room, completion="interpolation")
    assert completion.sinogram_net is None
    prior, completed, _ = room.training.forward(completion, pairs)
    projected = pairs.projector.forward(prior)
    wanted = room.network.interpolate_with_prior(pairs.sinogram, projected, pairs.trace)
    assert torch.equal(completed, wanted)
    without = small(room, completion="interpolation", prior="none")
    assert torch.equal(without.complete(pairs.sinogram, None, pairs.trace, 1.0), pairs.li_sinogram)


ALONE = SMALL | {
    "starts_at_zero": True,
    "prior_start": "nmar",
    "is_relative": True,
    "sees_hidden": True,
    "completion": "interpolation",
    "patches": {"edge_px": 32, "count": 3},
}


@torch.no_grad()
def test_a_perfect_prior_has_no_loss_in_patches_and_whole_slices(room: Any) -> None:
    pairs = made_pairs(2)
    trainable = room.prior_training.PriorTraining()
    network = trainable.build(ALONE).eval()
    start = room.network.classes(pairs.li_image, pairs.metal)
    hidden = room.network.hidden_share(pairs.projector, pairs.trace)
    square = (start - pairs.truth_mu).square() / (0.1 * MU_WATER) ** 2
    loss = float(trainable.losses(network, pairs, "all", ALONE)["prior"])
    assert loss == pytest.approx(float((square * hidden).sum() / hidden.sum()), rel=1e-3)
    assert loss > 0.01
    perfect = Pairs(start, pairs.metal, pairs.sinogram, pairs.metal_free_sinogram, pairs.trace, pairs.projector)
    for is_training in (False, True):
        assert float(trainable.losses(network.train(is_training), perfect, "all", ALONE)["prior"]) < 1e-9


def test_the_prior_alone_is_learned_from_patches(room: Any) -> None:
    pairs = made_pairs(2)
    trainable = room.prior_training.PriorTraining()
    torch.manual_seed(0)
    network = trainable.build(ALONE | {"prior_base": 8})
    optimiser = torch.optim.Adam(trainable.parameters(network, "all"), 3e-3)
    found = []
    for _ in range(40):
        found.append(trainable.losses(network.eval(), pairs, "all", ALONE)["prior"].detach())
        optimiser.zero_grad()
        trainable.losses(network.train(), pairs, "all", ALONE)["prior"].backward()
        optimiser.step()
    assert float(found[-1]) < 0.9 * float(found[0])
    assert set(trainable.pictures(network, pairs, ALONE)) == {"prior", "result", "corrected_sinogram"}


@pytest.mark.parametrize("settings", [{}, {"completion": "interpolation", "prior": "none"}], ids=str)
def test_training_of_the_prior_alone_refuses_other_networks(room: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="PriorNet alone"):
        room.prior_training.PriorTraining().build(SMALL | settings)


BEHIND = SMALL | {"starts_at_zero": True, "start": "prior", "sinogram_unit": 0.05, "blocks": {"views": 32, "count": 3}}


def test_sinonet_alone_begins_at_interpolation_and_learns_from_blocks_of_views(room: Any) -> None:
    pairs = made_pairs(2)
    trainable = room.sinogram_training.SinogramTraining()
    torch.manual_seed(0)
    network = trainable.build(BEHIND | {"sinogram_base": 8})
    before = {name: tensor.clone() for name, tensor in network.prior_net.state_dict().items()}
    optimiser = torch.optim.Adam(trainable.parameters(network, "all"), 3e-3)

    def left() -> float:
        with torch.no_grad():
            return float(trainable.losses(network.eval(), pairs, "all", BEHIND)["sinogram"])

    assert 0.9 < left() < 1
    for _ in range(60):
        optimiser.zero_grad()
        trainable.losses(network.train(), pairs, "all", BEHIND)["sinogram"].backward()
        optimiser.step()
    assert left() < 0.8
    assert all(torch.equal(before[name], tensor) for name, tensor in network.prior_net.state_dict().items())
    assert set(trainable.pictures(network, pairs, BEHIND)) == {"prior", "result", "corrected_sinogram"}


@pytest.mark.parametrize("settings", ABLATIONS, ids=str)
def test_sinonet_alone_is_trained_behind_every_prior(room: Any, settings: dict[str, Any]) -> None:
    trainable = room.sinogram_training.SinogramTraining()
    if settings.get("completion") == "interpolation":
        with pytest.raises(BadInput, match="SinogramTraining trains SinoNet"):
            trainable.build(SMALL | settings)
        return
    network = trainable.build(SMALL | settings).train()
    trainable.losses(network, made_pairs(), "all", {})["sinogram"].backward()
    assert all(each.grad is not None for each in network.sinogram_net.parameters())
    if network.prior_net is not None:
        assert all(each.grad is None for each in network.prior_net.parameters())


def test_a_body_that_fills_the_grid_looks_the_same_at_any_scale(room: Any) -> None:
    pairs = made_pairs()
    completion = small(room)
    twice = Projector(flat_beam(2 * PIXEL_MM), shape=(SIZE, SIZE), pixel_mm=2 * PIXEL_MM)
    unit, larger = (room.network.line_unit(each) for each in (pairs.projector, twice))
    prior = pairs.projector.forward(pairs.li_image)
    once = completion.complete(pairs.sinogram, prior, pairs.trace, unit)
    assert larger == 2 * unit
    assert torch.allclose(completion.complete(2 * pairs.sinogram, 2 * prior, pairs.trace, larger), 2 * once, atol=1e-4)
    assert room.network.line_unit(pairs.projector) == pytest.approx(4.0)  # the field of the published protocol


def test_wires_in_a_clinical_image_are_better_left_to_nmar(loaded: LoadedMethod, room: Any) -> None:
    pairs = made_pairs(2)
    metal = torch.zeros_like(pairs.metal)
    metal[1, SIZE // 2, SIZE // 2] = True  # adds nothing to the image

    def notes(measured: Tensor | None) -> str:
        case = MarCase(mu_to_hu(pairs.truth_mu), metal, PIXEL_MM, pairs.projector.beam, [7, 8], measured)
        return " ".join(map(str, loaded.method.run(case, loaded.parameters({}), WeightsJob(small(room), SMALL)).notes))

    assert "Slice 8: the metal hides or attenuates little" in notes(None)
    assert "NMAR" not in notes(pairs.metal_free_sinogram)


def test_slices_of_a_batch_do_not_see_each_other(loaded: LoadedMethod, room: Any) -> None:
    pairs = made_pairs(3)
    case = made_case(pairs)
    network = small(room)
    together = loaded.method.run(case, loaded.parameters({}), WeightsJob(network, SMALL)).hu
    alone = MarCase(
        case.hu[1:2], case.metal[1:2], PIXEL_MM, case.beam, [1], measured_sinogram=pairs.sinogram[1:2].clone()
    )
    assert torch.allclose(
        together[1:2], loaded.method.run(alone, loaded.parameters({}), WeightsJob(network, SMALL)).hu, atol=0.5
    )


def test_a_prior_of_classes_and_interpolation_can_be_asked_for(loaded: LoadedMethod, room: Any) -> None:
    case = made_case(made_pairs())
    job = WeightsJob(small(room), SMALL)
    usual = loaded.method.run(case, loaded.parameters({}), job)
    classes = loaded.method.run(case, loaded.parameters({"prior": "tissue"}), job)
    interpolated = loaded.method.run(case, loaded.parameters({"completion": "interpolation"}), job)
    assert classes.prior_hu is not None
    assert torch.equal(usual.prior_hu, interpolated.prior_hu)
    soft = classes.prior_hu[classes.prior_hu < 199]
    assert bool(((soft.abs() < 1) | (soft < -499)).all())
    prior = case.projector.forward(hu_to_mu(interpolated.prior_hu))
    wanted = prior + fill_linear(case.sinogram - prior, case.trace)
    assert torch.allclose(interpolated.corrected_sinogram[case.trace], wanted[case.trace], atol=1e-3)


def test_weights_of_another_network_are_refused(loaded: LoadedMethod, room: Any) -> None:
    case = made_case(made_pairs())
    with pytest.raises(MethodFailed, match="not of this network"):
        loaded.method.run(case, loaded.parameters({}), WeightsJob(small(room, prior_base=8), SMALL))
    with pytest.raises(MethodFailed, match="missing"):
        loaded.method.run(case, loaded.parameters({}), WeightsJob(small(room, prior="none"), SMALL))
    with pytest.raises(BadInput, match="colour"):
        loaded.method.run(case, loaded.parameters({}), WeightsJob(small(room), SMALL | {"colour": 1}))


@pytest.mark.slow  # a thousand steps
@pytest.mark.timeout(1200)
def test_eight_slices_are_learned_by_heart(room: Any, learn_by_heart: Any) -> None:
    """Trace error below a tenth of that of linear interpolation."""
    pairs = made_pairs(8, seed=3, size=32)
    training = room.training.JointTraining()
    torch.manual_seed(0)
    widths = {"prior_base": 16, "sinogram_base": 16, "starts_at_zero": True, "start": "prior"}
    network = training.build(SMALL | widths | {"losses": {"sinogram": 30.0, "image": 0.3}})
    losses = training.losses
    learn_by_heart(network, lambda _: torch.stack(list(losses(network, pairs, "all", {}).values())).sum(), 1200, 5e-3)
    with torch.no_grad():
        _, _, corrected = room.training.forward(network, pairs)
    ours, li = (
        float((each - pairs.metal_free_sinogram)[pairs.trace].abs().mean()) for each in (corrected, pairs.li_sinogram)
    )
    assert ours < 0.1 * li
