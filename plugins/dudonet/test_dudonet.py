"""DuDoNet: the equations with known functions for networks, training and weights."""

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from marview.errors import BadInput, MethodFailed
from marview.geometry import FanBeamFlat
from marview.learning.api import Pairs
from marview.learning.recipe import read_recipe
from marview.learning.weights import About, save_weights
from marview.physics import protocol, simulate
from marview.physics.attenuation import MU_WATER, hu_to_mu, mu_to_hu
from marview.projection import Projector, fill_linear
from marview.worker.api import MarCase
from marview.worker.front_end import grown
from marview.worker.loading import LoadedMethod

HERE = Path(__file__).parent
SIZE, VIEWS, BINS = 48, 64, 75
PIXEL_MM = 153.6 / SIZE
SMALL: dict[str, Any] = {"sinogram_base": 4, "image_base": 4, "has_norm": False, "inversion": "direct"}


STAGED: dict[str, Any] = {
    "is_residual": True,
    "starts_at_zero": True,
    "sinogram_start": "nmar",
    "image_start": "inverted",
    "is_relative": True,
    "sees_metal": True,
    "sees_hidden": True,
    "patches": {"edge_px": 32, "count": 3},
    "blocks": {"views": 32, "count": 3},
}
"""What the weights that come with marview ask for besides the paper, begun without a change."""


def made_pairs(count: int = 1, seed: int = 0, *, is_clinical: bool = False) -> Pairs:
    """Discs with a bone and a rod that hardens the beam."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    truth, metal = [], []
    for _ in range(count):
        image = np.where((x / rng.uniform(16, 20)) ** 2 + (y / rng.uniform(12, 16)) ** 2 < 1, 0.2, 0.0)
        image[np.hypot(x - rng.uniform(4, 8), y - 2) < 3.5] = 0.35
        truth.append(image)
        metal.append(np.hypot(x + rng.uniform(2, 6), y + rng.uniform(-4, 4)) < 2.2)
    truth_mu, solid = torch.from_numpy(np.float32(truth)), torch.from_numpy(np.array(metal))
    beam = FanBeamFlat(
        views=VIEWS,
        bins=BINS,
        source_to_isocentre_mm=3 * SIZE * PIXEL_MM,
        source_to_detector_mm=6 * SIZE * PIXEL_MM,
        bin_mm=2 * math.sqrt(2) * SIZE / BINS * PIXEL_MM,
    )
    projector = Projector(beam, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM)
    free, through = projector.forward(truth_mu), projector.forward(2.4 * solid)
    sinogram = free + 3 * torch.tanh(through / 3)
    clinical = projector.fbp(sinogram).clamp(min=0) if is_clinical else None
    return Pairs(
        truth_mu=truth_mu,
        metal=solid,
        sinogram=sinogram if clinical is None else projector.forward(clinical),
        metal_free_sinogram=free,
        trace=projector.trace(solid),
        projector=projector,
        clinical_mu=clinical,
    )


def made_case(pairs: Pairs) -> MarCase:
    return MarCase(
        hu=mu_to_hu(pairs.image),
        metal=pairs.metal,
        pixel_mm=PIXEL_MM,
        beam=pairs.projector.beam,
        slice_indices=[7 + number for number in range(len(pairs))],
        measured_sinogram=pairs.sinogram if pairs.clinical_mu is None else None,
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
        self._about = About("dudonet", "1.0.0", settings, ("syndeeplesion-640",)).as_metadata()

    def progress(self, fraction: float, text: str = "") -> None:
        assert 0 <= fraction <= 1

    def output(self, name: str, slice_index: int, array: Tensor) -> None:
        self.shown.append((name, slice_index))

    def check_cancelled(self) -> None: ...

    def weights(self, file: str) -> dict[str, Tensor]:
        return self._weights

    def about_weights(self, file: str) -> dict[str, str]:
        return self._about


class BundledJob(WeightsJob):
    """A job with the weights that come with the method."""

    def __init__(self, loaded: LoadedMethod) -> None:
        self.shown = []
        [found] = loaded.check_weights()
        self._weights = loaded.weights(found["file"], "cpu")
        self._about = loaded.about_weights(found["file"])


def small(room: Any, **settings: Any) -> Any:
    torch.manual_seed(1)
    return room.network.DualDomain(room.settings.read_settings(SMALL | settings)).eval()


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


def exact(room: Any, pairs: Pairs, **settings: Any) -> Any:
    """Networks that know the answer."""
    dual = small(room, **settings)
    unit = room.network.line_unit(pairs.projector)
    start = pairs.li_sinogram if dual.settings.is_residual else 0
    if dual.sinogram_net is not None:
        dual.sinogram_net = Gives(lambda seen, trace: (pairs.metal_free_sinogram - start) / unit)
    if dual.image_net is not None:
        dual.image_net = Gives(lambda seen: (pairs.truth_mu - pairs.li_image)[:, None])
    return dual


@pytest.mark.parametrize("is_residual", [False, True])
def test_exact_networks_give_the_truth(room: Any, is_residual: bool) -> None:
    pairs = made_pairs(2)
    dual = exact(room, pairs, is_residual=is_residual)
    corrected, inverted, result = room.training.forward(dual, pairs)
    wanted = torch.where(pairs.trace, pairs.metal_free_sinogram, pairs.li_sinogram)
    assert torch.allclose(corrected, wanted, atol=1e-5)
    assert torch.allclose(inverted, pairs.projector.fbp(wanted), atol=1e-5)
    assert torch.allclose(result, pairs.truth_mu, atol=1e-6)
    losses = room.training.EndToEnd().losses(dual, pairs, "all", {})
    assert float(losses["image"]) < 1e-6


def test_the_networks_see_what_the_equations_say(room: Any) -> None:
    pairs = made_pairs(2)
    dual = exact(room, pairs)
    _, inverted, _ = room.training.forward(dual, pairs)
    sinogram, trace = dual.sinogram_net.seen
    assert torch.allclose(sinogram * room.network.line_unit(pairs.projector), pairs.li_sinogram, atol=1e-5)
    assert torch.equal(trace, pairs.trace)
    (planes,) = dual.image_net.seen
    assert torch.equal(planes[:, 0], inverted.clamp(0, 1))
    assert torch.equal(planes[:, 1], pairs.li_image.clamp(0, 1))


@torch.no_grad()
@pytest.mark.parametrize("inversion", ["rebinned", "direct"])
def test_losses_have_the_weights_of_the_paper(room: Any, inversion: str) -> None:
    pairs = made_pairs(2)
    dual = small(room, inversion=inversion)
    corrected, inverted, result = room.training.forward(dual, pairs)
    assert torch.equal(inverted, room.inversion.inversion(pairs.projector, inversion)(corrected))
    losses = room.training.EndToEnd().losses(dual, pairs, "all", {})
    unit = room.network.line_unit(pairs.projector)
    for name, wanted in {
        "sinogram": (corrected - pairs.metal_free_sinogram).abs().mean() / unit,
        "consistency": (inverted - pairs.truth_mu).abs().mean(),
        "image": (result - pairs.truth_mu).abs().mean(),
    }.items():
        assert float(losses[name]) == pytest.approx(float(wanted), rel=1e-4)


@pytest.mark.parametrize("row", "ABCDEFG")
def test_every_ablation_learns_and_runs(loaded: LoadedMethod, room: Any, row: str) -> None:
    pairs = made_pairs(2)
    settings = SMALL | room.settings.ABLATIONS[row]
    training = room.training.EndToEnd()
    network = training.build(settings).train()
    assert (network.image_net is None) is (row in "AB")
    assert (network.sinogram_net is None) is (row == "C")
    losses = training.losses(network, pairs, "all", settings)
    rows = {"sinogram": "ABDEFG", "consistency": "FG", "image": "CDEFG"}
    assert set(losses) == {name for name, having in rows.items() if row in having}
    torch.stack(list(losses.values())).sum().backward()
    assert all(each.grad is not None for each in training.parameters(network, "all"))
    assert set(training.pictures(network, pairs, settings)) == {"prior", "corrected_sinogram", "result"}
    result = loaded.method.run(made_case(pairs), loaded.parameters({}), WeightsJob(network, settings))
    assert bool(result.hu.isfinite().all())


def test_gradients_pass_the_inversion_layer(room: Any) -> None:
    """The image loss alone teaches SE-Net."""
    pairs = made_pairs()
    for inversion in ("rebinned", "direct"):
        network = small(room, inversion=inversion).train()
        room.training.EndToEnd().losses(network, pairs, "all", {})["image"].backward()
        assert all(float(each.grad.abs().max()) > 0 for each in network.sinogram_net.last.parameters())


def test_networks_that_start_at_zero_start_with_linear_interpolation(room: Any) -> None:
    for is_clinical in (False, True):
        pairs = made_pairs(is_clinical=is_clinical)
        dual = small(room, starts_at_zero=True, is_residual=True)
        corrected, inverted, result = room.training.forward(dual, pairs)
        assert torch.equal(corrected, pairs.li_sinogram)
        assert torch.allclose(inverted, pairs.li_image, atol=1e-6)
        assert torch.equal(result, pairs.li_image)


@pytest.mark.parametrize("is_clinical", [False, True])
@pytest.mark.parametrize(
    "settings", [{}, {"inversion": "rebinned"}, {"fold": 2}, {"fold": 5}, STAGED | {"starts_at_zero": False}], ids=str
)
def test_the_method_does_what_was_trained(
    loaded: LoadedMethod, room: Any, is_clinical: bool, settings: dict[str, Any]
) -> None:
    pairs = made_pairs(2, is_clinical=is_clinical)
    network = small(room, **settings)
    network.load_state_dict({name: tensor.half().float() for name, tensor in network.state_dict().items()})
    case, job = made_case(pairs), WeightsJob(network, SMALL | settings)
    if case.measured_sinogram is None:
        case.__dict__["sinogram"] = pairs.sinogram
    with torch.no_grad():
        corrected, inverted, image = room.training.forward(network, pairs)
    result = loaded.method.run(case, loaded.parameters({"keeps_measured": "never"}), job)
    assert torch.allclose(result.corrected_sinogram, corrected, atol=1e-3)
    assert torch.allclose(result.prior_hu, mu_to_hu(inverted), atol=2)
    assert torch.allclose(result.hu, mu_to_hu(image), atol=2)
    assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    assert set(job.shown) == {(name, index) for name in ("prior", "corrected_sinogram") for index in (7, 8)}
    alone = loaded.method.run(case, loaded.parameters({"refines_image": False}), job)
    assert torch.equal(alone.hu, result.prior_hu)


@torch.no_grad()
@pytest.mark.parametrize("is_clinical", [False, True])
def test_where_it_is_asked_for_the_image_only_fills_the_trace(
    loaded: LoadedMethod, room: Any, is_clinical: bool
) -> None:
    pairs = made_pairs(2, is_clinical=is_clinical)
    case, job = made_case(pairs), WeightsJob(small(room), SMALL)
    free = loaded.method.run(case, loaded.parameters({"keeps_measured": "never"}), job)
    kept = loaded.method.run(case, loaded.parameters({"keeps_measured": "always"}), job)
    usual = loaded.method.run(case, loaded.parameters({}), job)
    assert torch.equal(usual.hu, kept.hu if is_clinical else free.hu)
    prior = case.projector.forward(torch.where(grown(case.metal), case.li_mu, hu_to_mu(free.hu)))
    wanted = torch.where(case.trace, prior + fill_linear(case.sinogram - prior, case.trace), case.sinogram)
    assert torch.allclose(kept.corrected_sinogram, wanted, atol=1e-3)
    assert torch.equal(kept.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    assert torch.allclose(kept.hu, mu_to_hu(case.reconstruct(wanted)), atol=3)


def test_a_clinical_slice_keeps_what_no_network_touched(loaded: LoadedMethod, room: Any) -> None:
    """Where the networks change nothing, neither the projection nor the inversion blurs the image."""
    pairs = made_pairs(is_clinical=True)
    case = made_case(pairs)
    dual = small(room, starts_at_zero=True)
    dual.sinogram_net = Gives(lambda seen, trace: case.sinogram / room.network.line_unit(case.projector))
    kept = dual.invert(
        torch.where(case.trace, case.sinogram, case.li_sinogram), case.projector, (case.mu, case.sinogram)
    )
    assert torch.allclose(kept, case.mu, atol=1e-5)


def test_slices_of_a_batch_do_not_see_each_other(loaded: LoadedMethod, room: Any) -> None:
    pairs = made_pairs(3)
    job = WeightsJob(small(room), SMALL)
    together = loaded.method.run(made_case(pairs), loaded.parameters({}), job).hu
    case = made_case(pairs)
    alone = MarCase(case.hu[1:2], case.metal[1:2], PIXEL_MM, case.beam, [1], measured_sinogram=pairs.sinogram[1:2])
    assert torch.allclose(together[1:2], loaded.method.run(alone, loaded.parameters({}), job).hu, atol=0.5)


def test_a_body_that_fills_the_grid_looks_the_same_at_any_scale(room: Any) -> None:
    pairs = made_pairs()
    dual = small(room)
    once = dual.enhance(pairs.li_sinogram, pairs.trace, 4.0)
    assert torch.allclose(dual.enhance(2 * pairs.li_sinogram, pairs.trace, 8.0), 2 * once, atol=1e-4)
    assert room.network.line_unit(pairs.projector) == pytest.approx(4.0)


def test_weights_of_another_network_are_refused(loaded: LoadedMethod, room: Any) -> None:
    case = made_case(made_pairs())
    with pytest.raises(MethodFailed, match="not of this network"):
        loaded.method.run(case, loaded.parameters({}), WeightsJob(small(room, image_base=8), SMALL))
    with pytest.raises(MethodFailed, match="missing"):
        loaded.method.run(case, loaded.parameters({}), WeightsJob(small(room, sinogram_net="none"), SMALL))


@torch.no_grad()
@pytest.mark.parametrize("is_clinical", [False, True])
def test_what_begins_at_the_prior_of_nmar_differs_from_it_by_an_interpolation(room: Any, is_clinical: bool) -> None:
    pairs = made_pairs(2, is_clinical=is_clinical)
    dual = small(room, **STAGED)
    case = room.start.case_of(pairs)
    prior = room.start.start_of(dual, case).prior_sinogram
    corrected, inverted, result = room.training.forward(dual, pairs)
    wanted = prior + fill_linear(pairs.sinogram - prior, pairs.trace)
    assert torch.allclose(corrected, wanted, atol=1e-4)
    assert torch.equal(corrected[~pairs.trace], pairs.li_sinogram[~pairs.trace])
    assert torch.allclose(inverted, pairs.reconstruct(wanted), atol=1e-4)
    assert torch.equal(result, inverted)


@torch.no_grad()
def test_image_network_is_told_where_metal_hides_rays_and_whether_they_were_measured(room: Any) -> None:
    for is_clinical in (False, True):
        pairs = made_pairs(2, is_clinical=is_clinical)
        dual = small(room, **STAGED)
        dual.image_net = Gives(lambda seen: torch.ones_like(seen[:, :1]))
        _, inverted, result = room.training.forward(dual, pairs)
        (planes,) = dual.image_net.seen
        assert torch.allclose((planes[:, 0] + 1) * MU_WATER, inverted.clamp(0, 1), atol=1e-6)
        assert torch.allclose((planes[:, 2] + 1) * MU_WATER, pairs.image.clamp(0, 1), atol=1e-6)
        assert float(planes[:, 3][pairs.metal].min()) > 0.9
        assert bool((planes[:, 4] == (0 if is_clinical else 1)).all())
        assert torch.allclose(result - inverted, torch.full_like(result, 0.1 * MU_WATER), atol=1e-6)  # 100 HU


@torch.no_grad()
def test_error_of_a_sinogram_is_weighed_as_its_image_has_it(room: Any) -> None:
    """In proportion to the squared error of the image; a constant is nothing beside a fine pattern of its size."""
    pairs = made_pairs(3)
    seen, fbp = room.sinogram_training.seen_error, pairs.projector.fbp
    error = pairs.li_sinogram - pairs.metal_free_sinogram
    assert torch.allclose(seen(2 * error), 4 * seen(error), rtol=1e-4)
    share = seen(error) / fbp(error).square().mean(dim=(1, 2))
    assert torch.allclose(share, share.mean().expand(3), rtol=0.3)
    pattern = torch.cos(torch.arange(BINS) * math.pi / 3).expand(1, VIEWS, BINS)
    assert float(seen(torch.ones_like(pattern))) < 0.2 * float(seen(pattern))


def test_blocks_of_views_go_round_in_a_circle(room: Any) -> None:
    pairs = made_pairs(2)
    number = torch.arange(VIEWS).expand(2, VIEWS)[..., None] + 1000 * torch.arange(2)[:, None, None]
    torch.manual_seed(3)
    (places, traces), chosen = room.sinogram_training.blocks([number, pairs.trace], 32, 2)
    assert places.shape == (2, 32, 1)
    assert traces.shape == (2, 32, BINS)
    assert sorted(chosen.tolist()) == [0, 1]
    views = places[..., 0] - 1000 * chosen[:, None]
    assert bool((views.diff(dim=1) % VIEWS == 1).all())
    assert bool(((views >= 0) & (views < VIEWS)).all())


def learn(trainable: Any, network: nn.Module, pairs: Pairs, name: str, steps: int, rate: float) -> list[float]:
    """Losses on whole slices before and after."""

    @torch.no_grad()
    def loss() -> float:
        return float(trainable.losses(network.eval(), pairs, "all", {})[name])

    torch.manual_seed(0)
    optimiser = torch.optim.Adam(trainable.parameters(network, "all"), rate)
    found = [loss()]
    for _ in range(steps):
        optimiser.zero_grad()
        trainable.losses(network.train(), pairs, "all", {})[name].backward()
        optimiser.step()
    return [*found, loss()]


def test_the_sinogram_network_alone_learns_from_blocks_of_views(room: Any) -> None:
    pairs = made_pairs(2)
    for start in ("nmar", "li"):
        trainable = room.sinogram_training.SinogramTraining()
        network = trainable.build(SMALL | STAGED | {"image_net": False, "sinogram_start": start})
        found = learn(trainable, network, pairs, "sinogram", 60, 3e-3)
        assert 0.5 < found[0] <= 1  # the share of the error it begins with
        assert found[-1] < 0.95 * found[0]
        assert set(trainable.pictures(network, pairs, {})) == {"prior", "result", "corrected_sinogram"}


def test_the_image_network_alone_learns_from_patches_behind_a_network_that_stays(
    room: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = made_pairs(2)
    settings = SMALL | STAGED
    learned = small(room, **STAGED | {"image_net": False})
    nn.init.normal_(learned.sinogram_net.last.weight, std=0.1)
    file = tmp_path / "bundled.safetensors"
    save_weights(file, learned.state_dict(), About("dudonet", "1.0.0", settings | {"image_net": False}, ("adn-256",)))
    monkeypatch.setattr(room.image_training, "WEIGHTS", file)
    trainable = room.image_training.ImageTraining()
    network = trainable.build(settings)
    found = learn(trainable, network, pairs, "image", 40, 3e-3)
    assert 0.8 < found[0] <= 1
    assert found[-1] < 0.9 * found[0]
    for name, kept in learned.sinogram_net.state_dict().items():
        assert torch.equal(network.sinogram_net.state_dict()[name], kept.half().float())
    with pytest.raises(BadInput, match=r"comes without weights .* --begin-with"):
        trainable.build(settings | {"sinogram_base": 5})
    monkeypatch.setattr(room.image_training, "WEIGHTS", tmp_path / "none.safetensors")
    with pytest.raises(BadInput, match=r"comes without weights .* --begin-with"):
        trainable.build(settings)
    assert trainable.build(settings | {"sinogram_net": "none"}).sinogram_net is None


def test_training_of_one_network_refuses_the_other(room: Any) -> None:
    with pytest.raises(BadInput, match="SE-Net alone"):
        room.sinogram_training.SinogramTraining().build(SMALL)
    with pytest.raises(BadInput, match="trains IE-Net"):
        room.image_training.ImageTraining().build(SMALL | {"image_net": False})


def test_settings_without_a_network_are_refused(room: Any) -> None:
    with pytest.raises(BadInput, match="nothing to learn"):
        room.settings.read_settings({"sinogram_net": "none", "image_net": False})
    with pytest.raises(BadInput, match="must be residual"):
        room.settings.read_settings({"sinogram_start": "nmar"})


@torch.no_grad()
def test_bundled_weights_come_closer_than_linear_interpolation_and_leave_the_measured_sinogram(
    loaded: LoadedMethod, room: Any
) -> None:
    """On a body of discs with two titanium pins, scanned as the weights know it; it takes seconds at its full size."""
    scan = protocol("dudonet-640")
    y, x = np.mgrid[: scan.shape[0], : scan.shape[1]] - (scan.shape[0] - 1) / 2
    hu = np.where((x / 180) ** 2 + (y / 130) ** 2 < 1, 40.0, -1000.0)
    hu[np.hypot(x + 70, y) < 45] = -80
    hu[np.hypot(x, y - 70) < 28] = 500
    pins = (np.hypot(x - 40, y + 10) < 9) | (np.hypot(x + 30, y - 60) < 7)
    hu = gaussian_filter(hu, 1.0)  # as sharp as a scanner's image
    scanned = simulate(np.float32(hu[None]), {"ti": np.float32(pins[None])}, scan, seed=1)
    sinogram, metal = scanned.sinogram, scanned.metal
    image = scanned.projector.fbp(sinogram).clamp(min=0)
    clean = scanned.projector.fbp(scanned.metal_free_sinogram).clamp(min=0)
    trace = scanned.projector.trace(grown(metal))
    for measured, truth in ((sinogram, scanned.mu), (None, clean)):
        case = MarCase(
            mu_to_hu(image), metal, scan.pixel_mm, scan.beam, [0], measured, trace if measured is None else None
        )
        result = loaded.method.run(case, loaded.parameters({"keeps_measured": "never"}), BundledJob(loaded))
        ours, li = (
            float((hu - mu_to_hu(truth))[~metal].square().mean().sqrt())
            for hu in (result.hu.clamp(min=-1000), mu_to_hu(case.li_mu).clamp(min=-1000))
        )
        assert ours < li
        assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
        assert not [note for note in result.notes if "not trained on" in str(note)]


def test_bundled_weights_fit_beside_the_code(loaded: LoadedMethod, room: Any) -> None:
    [found] = loaded.check_weights()
    assert (HERE / found["file"]).stat().st_size <= 16e6
    dual = room.method.load(BundledJob(loaded))
    assert dual.sinogram_net is not None
    assert dual.image_net is not None
    assert sum(each.numel() for each in dual.parameters()) <= 8_000_000
    assert dual.settings == room.settings.read_settings(read_recipe(HERE, "cpu").network)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_eight_slices_are_learned_by_heart(room: Any, learn_by_heart: Any) -> None:
    """Trace error below a tenth of that of linear interpolation, and the image's below two fifths."""
    pairs = made_pairs(8, seed=3)
    training = room.training.EndToEnd()
    torch.manual_seed(0)
    widths = {"sinogram_base": 16, "image_base": 16, "starts_at_zero": True, "is_residual": True}
    settings = SMALL | widths | {"sinogram_start": "nmar", "losses": {"sinogram": 30.0, "image": 2.0}}
    network = training.build(settings)
    losses = training.losses
    # At twice this rate IE-Net sometimes comes to rest at an image error of 0.43 of LI's instead of 0.25.
    learn_by_heart(network, lambda _: torch.stack(list(losses(network, pairs, "all", {}).values())).sum(), 1000, 2.5e-3)
    with torch.no_grad():
        corrected, _, result = room.training.forward(network, pairs)
    free = pairs.metal_free_sinogram
    ours, li = (float((each - free)[pairs.trace].abs().mean()) for each in (corrected, pairs.li_sinogram))
    assert ours < 0.1 * li
    ours, li = (float((each - pairs.truth_mu).square().mean().sqrt()) for each in (result, pairs.li_image))
    assert ours < 0.4 * li
