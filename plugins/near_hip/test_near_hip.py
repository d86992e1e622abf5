"""The near-hip method: its network, its pairs, and a run that learns from the scan it corrects."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from marview.errors import BadInput, MethodFailed
from marview.geometry import ParallelBeam
from marview.learning.api import OwnPairs
from marview.learning.patient import PatientScan
from marview.learning.recipe import read_recipe
from marview.learning.weights import fill
from marview.physics.attenuation import hu_to_mu, mu_to_hu
from marview.projection import Projector, fill_linear
from marview.worker.api import Cancelled, MarCase
from marview.worker.loading import made_in

HERE = Path(__file__).parent
SIZE, PIXEL_MM = 64, 6.0
SMALL = {"channels": 4, "size_px": 64, "views": 45, "fold": 1, "start": "li", "steps": 12}
SETTINGS = {"channels": 12, "fold": 1, "start": "li", "outside": 0.05, "block_views": 0, "block_bins": 0}


def bodies(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Slices of a body in HU, alike as neighbours are, and metal for them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    slices, masks = [], []
    for k in range(count):
        hu = np.where((x / (24 + 0.3 * k)) ** 2 + (y / 17) ** 2 < 1, 40.0, -1000.0)
        hu[np.hypot(x - 12, y - 1) < 6 + 0.1 * k] = 700
        hu[np.hypot(x + 12, y - 1) < 6] = 500
        slices.append(hu + rng.normal(0, 5, hu.shape))
        masks.append(np.hypot(x - 12, y - 1 - 0.2 * k) < 2.5)
    return torch.from_numpy(np.float32(slices)).clamp(min=-1000), torch.from_numpy(np.array(masks))


class Job:
    """Has neighbours, and may be told to stop."""

    device = torch.device("cpu")
    log = logging.getLogger("test")

    def __init__(self, slices: int = 6, stops_after: int = 10**9) -> None:
        self.slices, self.left = slices, stops_after
        self.fractions: list[float] = []
        self.learned: list[tuple[float, str]] = []

    def progress(self, fraction: float, text: str = "") -> None:
        self.fractions.append(fraction)

    def learning(self, fraction: float, text: str = "") -> None:
        assert not self.fractions, "what is learned is learned before anything is corrected"
        self.learned.append((fraction, text))

    def output(self, name: str, slice_index: int, array: Tensor) -> None: ...

    def check_cancelled(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled

    def neighbours(self, count: int) -> tuple[Tensor, Tensor]:
        clean, masks = bodies(self.slices)
        return clean[:count], masks[:count]


def made_case() -> tuple[MarCase, Tensor]:
    """A slice between the neighbours with metal whose rays are measured too low; and its metal-free sinogram."""
    clean, masks = bodies(1, seed=9)
    beam = ParallelBeam(views=90, bins=93, bin_mm=PIXEL_MM)
    projector = Projector(beam, shape=(SIZE, SIZE), pixel_mm=PIXEL_MM)
    free, chord = projector.forward(hu_to_mu(clean)), projector.forward(masks.float())
    sinogram = free + 2 * torch.tanh(chord)
    image = mu_to_hu(projector.fbp(sinogram)).clamp(min=-1000)
    return MarCase(image, masks, PIXEL_MM, beam, [5], sinogram, chord > 0), free


@pytest.mark.parametrize(("channels", "count"), [(64, 413_761), (32, 104_481)])
def test_the_network_has_as_many_parameters_as_published(room, channels, count) -> None:
    assert sum(one.numel() for one in room.network.NearHipCnn(channels).parameters()) == count


@pytest.mark.parametrize("size", ["paper", "bundled", "tiny"])
def test_recipes_are_whole(size) -> None:
    recipe = read_recipe(HERE, size)
    trainable = made_in(HERE, recipe.training)
    assert isinstance(trainable, OwnPairs)
    count = sum(one.numel() for one in trainable.build(recipe.network).parameters())
    assert count == {"paper": 413_761, "bundled": 154_096}.get(size, count)


def test_weights_of_another_width_are_refused(room) -> None:
    with pytest.raises(MethodFailed, match="not of this network"):
        fill(room.network.NearHipCnn(4), room.network.NearHipCnn(8).state_dict(), "it")


def test_the_trace_is_as_bright_as_the_brightest_beside_it(room) -> None:
    sinogram = torch.rand(2, 6, 7)
    trace = torch.zeros(sinogram.shape, dtype=torch.bool)
    trace[:, :, 3] = True
    sinogram[trace] = 50
    bright = room.network.brightened(sinogram, trace)
    assert torch.equal(bright[~trace], sinogram[~trace])
    for k in range(2):
        assert torch.all(bright[k][trace[k]] == sinogram[k][~trace[k]].max())


class Says(nn.Module):
    """A network that says a number."""

    def __init__(self, number: float) -> None:
        super().__init__()
        self.number = number

    def forward(self, seen: Tensor) -> Tensor:
        return torch.full_like(seen[:, :1], self.number)


def made_pairs(room, batch: int = 1, seed: int = 0):
    clean, masks = bodies(8)
    patient = room.patient.Patient.of(room.patient.SmallScan(64, 45, SIZE * PIXEL_MM), clean, masks)
    return room.patient.NearHipPairs((patient,), batch, seed)


@pytest.mark.parametrize("how", ["nothing", "li", "nmar"])
def test_what_is_completed_is_where_it_starts_and_what_the_network_says(room, how) -> None:
    """A network that says three: three units, or three units more than the completion it starts at."""
    one = made_pairs(room)(0)
    start = room.start.start_of(one, how)
    seen = room.network.planes(one.sinogram, one.trace, start, 2.0)
    said = room.network.completed(Says(3.0), seen, start, 2.0)
    torch.testing.assert_close(said, torch.full_like(said, 6.0) if start is None else start + 6.0)


def test_what_a_network_starts_at_is_measured_outside_the_trace_and_better_than_nothing_in_it(room) -> None:
    one = made_pairs(room, batch=4)(0)
    assert room.start.start_of(one, "nothing") is None
    torch.testing.assert_close(room.start.start_of(one, "li"), fill_linear(one.sinogram, one.trace))
    nmar = room.start.start_of(one, "nmar")
    torch.testing.assert_close(nmar[~one.trace], one.sinogram[~one.trace], rtol=0, atol=1e-5)
    errors = [float((each - one.metal_free_sinogram)[one.trace].square().mean()) for each in (nmar, one.li_sinogram)]
    assert errors[0] < 0.9 * errors[1]


@pytest.mark.parametrize(("fold", "views", "bins"), [(1, 7, 9), (2, 7, 9), (4, 45, 93), (4, 8, 12)])
def test_folding_keeps_every_view_and_bin_in_its_place(room, fold, views, bins) -> None:
    """With layers that hand on what they get the network says what it sees."""
    network = room.network.NearHipCnn(fold**2, fold=fold)
    with torch.no_grad():
        for layer in network:
            if isinstance(layer, nn.Conv2d):
                layer.weight.zero_()
                layer.bias.zero_()
                for k in range(fold**2):
                    layer.weight[k, k, 2, 2] = 1.0
    seen = torch.rand(2, 1, views, bins)  # not negative, so leaky ReLU hands it on
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(seen), seen, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("how", ["nothing", "li"])
def test_a_step_on_a_block_sees_what_the_whole_sinogram_has_there(room, monkeypatch, how) -> None:
    training, one = room.training.NearHipTraining(), made_pairs(room)(0)
    settings = SETTINGS | {"start": how, "block_views": 5, "block_bins": 10}
    seen, _ = training.shown(one, settings)
    places = room.training.block(one.trace, 5, 10)
    monkeypatch.setattr(room.training, "block", lambda *_: places)
    blocks: list[Tensor] = []

    class Looks(Says):
        def forward(self, seen: Tensor) -> Tensor:
            blocks.append(seen)
            return super().forward(seen)

    training.losses(Looks(0.0), one, "all", settings)
    for plane in range(seen.shape[1]):
        assert torch.equal(blocks[0][:, plane], seen[:, plane][places])


def test_pairs_are_of_their_number_alone(room) -> None:
    clean, masks = bodies(6)
    patient = room.patient.Patient.of(room.patient.SmallScan(64, 45, SIZE * PIXEL_MM), clean, masks)
    pairs = room.patient.NearHipPairs((patient,), 2, 7)
    one, again, other = pairs(3), pairs(3), pairs(4)
    assert torch.equal(one.metal, again.metal)
    assert torch.equal(one.truth_mu, again.truth_mu)
    assert not torch.equal(one.metal, other.metal)
    assert torch.equal(one.sinogram[~one.trace], one.metal_free_sinogram[~one.trace])


def test_changed_masks_stay_in_the_body_and_keep_their_size_about(room) -> None:
    clean, masks = bodies(6)
    patient = room.patient.Patient.of(room.patient.SmallScan(64, 45, SIZE * PIXEL_MM), clean, masks)
    chance = torch.Generator().manual_seed(0)
    area = float(masks[0].sum())
    for _ in range(20):
        mask = room.patient.changed_mask(patient, 2, chance)
        assert float((mask & (patient.clean_mu[2] > 0.1)).sum() / mask.sum()) > 0.9
        assert area / 3 < float(mask.sum()) < area * 3


def test_a_block_is_of_neighbours_about_each_slice_s_own_trace(room) -> None:
    trace = torch.zeros(2, 12, 40, dtype=torch.bool)
    trace[0, :, 3:6] = trace[1, :, 30:33] = True
    places = torch.arange(12 * 40).view(1, 12, 40).expand(2, -1, -1)
    for _ in range(5):
        seen = places[room.training.block(trace, 5, 10)]
        assert seen.shape == (2, 5, 10)
        views, bins = seen // 40, seen % 40
        assert torch.all(views[:, 1:] - views[:, :-1] == 1)
        assert torch.all(bins[..., 1:] - bins[..., :-1] == 1)
        assert trace[room.training.block(trace, 5, 10)].any(dim=2).all()
    assert torch.equal(places[room.training.block(trace, 0, 0)], places)


def test_brightness_makes_tissue_water(room) -> None:
    hu = torch.tensor([-1000.0, -500.0, 100.0, 300.0])
    scale = room.patient.brightness(hu)
    assert float((hu_to_mu(hu[2:]) * scale).mean()) == pytest.approx(0.192)


def test_a_run_learns_and_keeps_data_outside_the_trace(loaded) -> None:
    case, free = made_case()
    job = Job()
    result = loaded.method.run(case, loaded.parameters(SMALL | {"steps": 40}), job)
    assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    error, li_error = (
        float((one - free)[case.trace].square().mean()) for one in (result.corrected_sinogram, case.li_sinogram)
    )
    assert error < li_error
    [words] = result.notes
    assert "40 steps" in words
    assert "5 slices of this scan" in words
    assert "1 slice it did not learn from" in words
    assert job.fractions == sorted(job.fractions)
    shares = [share for share, _ in job.learned]
    assert len(shares) == 42
    assert shares == sorted(shares)
    assert "step 40 of 40" in [text for _, text in job.learned]


def test_a_second_run_on_the_same_scan_learns_nothing_anew(loaded) -> None:
    case, _ = made_case()
    first = loaded.method.run(case, loaded.parameters(SMALL), Job())
    job = Job(stops_after=5)
    second = loaded.method.run(case, loaded.parameters(SMALL), job)
    assert torch.equal(first.hu, second.hu)
    assert first.notes == second.notes
    assert job.learned == []
    with pytest.raises(Cancelled):
        loaded.method.run(case, loaded.parameters(SMALL | {"seed": 1}), Job(stops_after=5))


class RepaintedJob(Job):
    """The metal of its neighbours is grown by so many pixels along the rows."""

    def __init__(self, pixels: int, stops_after: int = 10**9) -> None:
        super().__init__(stops_after=stops_after)
        self.pixels = pixels

    def neighbours(self, count: int) -> tuple[Tensor, Tensor]:
        clean, masks = super().neighbours(count)
        return clean, masks | masks.roll(self.pixels, dims=2)


def test_another_mask_is_learned_anew_and_both_are_kept(loaded) -> None:
    """So that a result does not depend on what was run before it."""
    case, _ = made_case()
    parameters = loaded.parameters(SMALL | {"seed": 6})
    for is_first in (True, False):
        for job in (Job(), RepaintedJob(1)):
            [words] = loaded.method.run(case, parameters, job).notes
            assert bool(job.learned) == is_first
            assert "was changed" not in words


def test_a_learning_that_is_cancelled_leaves_what_was_learned_before(loaded) -> None:
    case, _ = made_case()
    parameters = loaded.parameters(SMALL | {"seed": 8})
    loaded.method.run(case, parameters, Job())
    for checks in range(0, 24, 3):  # before the first step, in training, and while what was learned is looked at
        with pytest.raises(Cancelled):
            loaded.method.run(case, parameters, RepaintedJob(2, stops_after=checks))
    again = Job()
    loaded.method.run(case, parameters, again)
    assert again.learned == []


def test_a_stroke_of_the_brush_teaches_nothing_where_that_is_wished_and_the_note_says_so(loaded) -> None:
    case, _ = made_case()
    parameters = loaded.parameters(SMALL | {"seed": 7, "reuse": "alike"})
    [words] = loaded.method.run(case, parameters, Job()).notes
    little = RepaintedJob(1)
    [again] = loaded.method.run(case, parameters, little).notes
    assert little.learned == []
    assert again.startswith(words)
    assert "a mask that was changed a little" in again
    much = RepaintedJob(5)
    [anew] = loaded.method.run(case, parameters, much).notes
    assert much.learned
    assert "was changed" not in anew


def test_training_ends_with_its_minutes(loaded) -> None:
    case, _ = made_case()
    result = loaded.method.run(case, loaded.parameters(SMALL | {"steps": 90_000, "minutes": 0.005}), Job())
    assert "90000 steps" not in result.notes[0]


def test_a_scan_with_metal_everywhere_is_refused(loaded) -> None:
    case, _ = made_case()
    with pytest.raises(MethodFailed, match="without metal"):
        loaded.method.run(case, loaded.parameters(SMALL), Job(slices=2))


def test_training_on_a_scan_holds_slices_out(room, monkeypatch) -> None:
    clean, masks = bodies(10)
    scans = [PatientScan(clean, masks, SIZE * PIXEL_MM), PatientScan(clean * 1.1, masks, SIZE * PIXEL_MM)]
    monkeypatch.setattr(room.training, "read_patient", lambda path: scans)
    recipe = read_recipe(HERE, "tiny")
    sources = room.training.NearHipTraining().sources(Path("scan"), recipe, torch.device("cpu"))
    training, held_out = sources.training, sources.validation
    assert sources.words == "16 slices without metal and 20 masks of metal of 2 scans, 4 held out"
    assert [len(each.clean_mu) for each in training.patients] == [8, 8]
    assert [len(each.clean_mu) for each in held_out.patients] == [2, 2]
    tissue = [float(each.clean_mu[each.clean_mu > 0.15].mean()) for each in training.patients]
    assert tissue[0] == pytest.approx(tissue[1], rel=0.01)
    monkeypatch.setattr(room.training, "read_patient", lambda path: [PatientScan(clean[:1], masks, 384.0)])
    with pytest.raises(BadInput, match="three at least"):
        room.training.NearHipTraining().sources(Path("scan"), recipe, torch.device("cpu"))


@pytest.mark.parametrize(
    ("settings", "steps", "most"),
    [
        (SETTINGS, 80, 0.7),
        pytest.param(
            SETTINGS | {"start": "nmar", "fold": 4, "channels": 64, "outside": 0.0},
            2000,
            0.1,
            marks=[pytest.mark.slow, pytest.mark.timeout(1200)],
        ),
    ],
)
def test_eight_slices_are_learned_by_heart(room, learn_by_heart, settings, steps: int, most: float) -> None:
    """What is put into their trace is so much closer to the truth than what linear interpolation puts there."""
    torch.manual_seed(0)
    pairs, training = made_pairs(room, batch=4), room.training.NearHipTraining()
    network = training.build(settings)
    batches = [pairs(number) for number in range(2)]
    losses = training.losses
    learn_by_heart(network, lambda step: losses(network, batches[step % 2], "all", settings)["sinogram"], steps, 5e-3)
    for one in batches:
        with torch.no_grad():
            said = room.network.completed(network, *training.shown(one, settings), room.training.unit(one))
        wrong = [(each - one.metal_free_sinogram)[one.trace].square().mean().sqrt() for each in (said, one.li_sinogram)]
        assert float(wrong[0] / wrong[1]) < most


@pytest.mark.parametrize(("count", "held_out"), [(1, []), (2, [1]), (3, [2]), (8, [2, 7]), (22, [2, 7, 12, 17])])
def test_every_fifth_slice_is_held_out_but_never_the_only_one(room, count: int, held_out: list[int]) -> None:
    clean, masks = bodies(count)
    patient = room.patient.Patient.of(room.patient.SmallScan(64, 45, SIZE * PIXEL_MM), clean, masks)
    learned_from, other = patient.parted()
    assert torch.equal(other.clean_mu, patient.clean_mu[held_out])
    assert torch.equal(learned_from.clean_mu, patient.clean_mu[[k for k in range(count) if k not in held_out]])


@pytest.mark.parametrize(
    ("count", "says"), [(1, "into those slices, as there are no others,"), (2, "into 1 slice it did")]
)
def test_what_is_learned_is_measured_on_slices_it_did_not_learn_from(loaded, room, monkeypatch, count, says) -> None:
    """Where there are any."""
    seen: dict[str, Tensor] = {}
    error, calibrate = room.method._error, room.method.calibrate

    def checks(training, network, pairs, settings, job) -> float:
        [seen["checked"]] = [one.clean_mu for one in pairs.patients]
        return error(training, network, pairs, settings, job)

    def calibrates(training, network, pairs, settings, job) -> None:
        [seen["learned"]] = [one.clean_mu for one in pairs.patients]
        calibrate(training, network, pairs, settings, job)

    monkeypatch.setattr(room.method, "_error", checks)
    monkeypatch.setattr(room.method, "calibrate", calibrates)
    clean, masks = bodies(count)
    patient = room.patient.Patient.of(room.patient.SmallScan(64, 45, SIZE * PIXEL_MM), clean, masks)
    learned = room.method.learn((patient,), loaded.parameters(SMALL | {"steps": 2}), Job())
    assert says in learned.words
    both = [(one == other).all() for one in seen["learned"] for other in seen["checked"]]
    assert any(both) == (count == 1)


def test_a_network_that_is_no_gain_is_left_out_and_the_note_says_so(loaded, room, monkeypatch) -> None:
    errors = iter([1.0, 1.7])
    monkeypatch.setattr(room.method, "_error", lambda *_: next(errors))
    case, _ = made_case()
    [words] = loaded.method.run(case, loaded.parameters(SMALL | {"seed": 5}), Job()).notes
    assert "170% of linear interpolation's" in words
    assert "left out" in words


def test_statistics_are_those_of_whole_sinograms_once_training_is_over(room) -> None:
    pairs, training = made_pairs(room, batch=2), room.training.NearHipTraining()
    settings = SETTINGS | {"start": "nothing", "channels": 4}
    network = training.build(settings)
    room.method.calibrate(training, network, pairs, settings, Job())
    seen, _ = training.shown(pairs(-10), settings)
    with torch.no_grad():
        whole, batch = network.eval()(seen), network.train()(seen)
    assert float((whole - batch).abs().mean()) < 0.2 * float(batch.std())


@pytest.mark.parametrize("is_measured", [True, False])
@pytest.mark.parametrize("how", ["nmar", "li"])
def test_a_network_that_says_nothing_leaves_the_completion_it_starts_at(room, is_measured: bool, how: str) -> None:
    """Streaks of the image, which the trace of the small scan does not hide, are not in the prior."""
    case, free = made_case()
    if not is_measured:
        case = MarCase(case.hu, case.metal, PIXEL_MM, case.beam, [5])
    scan = room.patient.SmallScan(32, 45, SIZE * PIXEL_MM)
    begun = room.start.image_of_start(case, how).clone()
    prior = room.method.prior_image(case, scan, room.method._Nothing(), how)
    torch.testing.assert_close(prior, begun.clamp(min=0))
    completed = room.method.complete(case.sinogram, case.projector.forward(prior), case.trace)
    if is_measured:
        error, of_start = (
            float((each - free)[case.trace].square().mean())
            for each in (completed, case.projector.forward(room.start.image_of_start(case, how)))
        )
        assert error < 1.1 * of_start


def test_what_the_network_changes_on_the_small_scan_is_added_to_the_image_it_starts_at(room) -> None:
    case, _ = made_case()
    scan = room.patient.SmallScan(64, 45, SIZE * PIXEL_MM)
    begun = room.start.image_of_start(case, "nmar")
    prior = room.method.prior_image(case, scan, Says(0.01), "nmar")
    trace = scan.projector.trace(scan.mask(case.metal))
    wanted = begun + scan.projector.fbp(torch.where(trace, 0.01 * scan.unit, 0.0))
    torch.testing.assert_close(prior, wanted.clamp(min=0), atol=2e-4, rtol=1e-3)


def test_thin_metal_takes_bone_from_the_uncorrected_slice_as_nmar_does(room, monkeypatch) -> None:
    case, _ = made_case()
    sources = []
    prior_of = room.start.prior_image
    monkeypatch.setattr(
        room.start, "prior_image", lambda source, *a, **k: sources.append(source) or prior_of(source, *a, **k)
    )
    room.start.image_of_start(case, "nmar")
    mild = MarCase(case.hu, case.metal, PIXEL_MM, case.beam, [5], case.li_sinogram, case.trace)
    room.start.image_of_start(mild, "nmar")
    assert torch.equal(sources[0], case.li_mu)
    assert torch.equal(sources[1], mild.mu)
