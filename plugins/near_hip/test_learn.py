"""Tests for training during a run: measuring the network's error and choosing the network to use."""

import pytest
import torch
from torch import Tensor

SETTINGS = {"channels": 4, "fold": 1, "start": "nothing", "outside": 0.05, "block_views": 0, "block_bins": 0}


@pytest.mark.parametrize(
    ("count", "says"), [(1, "in the training slices (there are no others),"), (2, "in 1 slice not used for training,")]
)
def test_the_network_is_measured_on_held_out_slices(loaded, made, room, monkeypatch, count, says) -> None:
    """Without held-out slices, the error is measured on the training slices."""
    seen: dict[str, Tensor] = {}
    error, calibrate = room.learned.error, room.learned.calibrate

    def checks(training, network, pairs, settings, job) -> float:
        [seen["checked"]] = [one.clean_mu for one in pairs.patients]
        return error(training, network, pairs, settings, job)

    def calibrates(training, network, pairs, settings, job) -> None:
        [seen["learned"]] = [one.clean_mu for one in pairs.patients]
        calibrate(training, network, pairs, settings, job)

    monkeypatch.setattr(room.learned, "error", checks)
    monkeypatch.setattr(room.learned, "calibrate", calibrates)
    clean, masks = made.bodies(count)
    patient = room.patient.Patient.of(room.patient.SmallScan(64, 45, made.SIZE * made.PIXEL_MM), clean, masks)
    learned = room.learned.learn((patient,), loaded.parameters(made.SMALL | {"steps": 2}), made.Job())
    assert says in learned.words
    both = [(one == other).all() for one in seen["learned"] for other in seen["checked"]]
    assert any(both) == (count == 1)


def test_a_network_that_gains_nothing_is_left_out_and_the_note_says_so(loaded, made, room, monkeypatch) -> None:
    errors = iter([1.0, 1.7])
    monkeypatch.setattr(room.learned, "error", lambda *_: next(errors))
    case, _ = made.case()
    [words] = loaded.method.run(case, loaded.parameters(made.SMALL | {"seed": 5}), made.Job()).notes
    assert "170% of linear interpolation's error" in words
    assert "the network was not used" in words


def test_statistics_are_those_of_whole_sinograms_once_training_is_over(room, made) -> None:
    pairs, training = made.pairs(room, batch=2), room.training.NearHipTraining()
    settings = SETTINGS
    network = training.build(settings)
    room.learned.calibrate(training, network, pairs, settings, made.Job())
    seen, _ = training.shown(pairs(-10), settings)
    with torch.no_grad():
        whole, batch = network.eval()(seen), network.train()(seen)
    assert float((whole - batch).abs().mean()) < 0.2 * float(batch.std())


@pytest.mark.parametrize(
    ("errors", "says"),
    [
        (
            [0.9, 0.8, 0.7],
            "70% of linear interpolation's error, 80% before the training, 90% for the completion that it corrects.",
        ),
        (
            [0.9, 0.8, 0.85],
            "85% of linear interpolation's error, 80% before the training, 90% for the completion that it corrects. "
            "That is not an improvement, so the initial weights were used",
        ),
        (
            [0.9, 0.95, 0.92],
            "That is not an improvement, so the network was not used, and the trace contains the completion that the "
            "network would correct",
        ),
    ],
)
def test_of_what_was_taught_and_learned_the_best_is_used(loaded, room, made, monkeypatch, errors, says) -> None:
    found = iter(errors)
    monkeypatch.setattr(room.learned, "error", lambda *_: next(found))
    taught = room.method.of_several(made.Job(loaded=loaded), made.SIZE * made.PIXEL_MM)
    before = {name: tensor.clone() for name, tensor in taught.network.state_dict().items()}
    clean, masks = made.bodies(4)
    patient = room.patient.Patient.of(room.patient.SmallScan(64, 45, made.SIZE * made.PIXEL_MM), clean, masks)
    learned = room.learned.learn((patient,), loaded.parameters({"steps": 2}), made.Job(), taught)
    assert says in learned.words
    assert "starting from weights of other patients" in learned.words
    assert learned.has_alike
    assert all(torch.equal(tensor, before[name]) for name, tensor in taught.network.state_dict().items())
    best = min(range(3), key=errors.__getitem__)
    if best == 0:
        assert isinstance(learned.network, room.network.Nothing)
    else:
        assert (learned.network is taught.network) == (best == 1)


def test_a_network_that_starts_at_nothing_and_is_worse_than_interpolation_says_so(loaded, room, made) -> None:
    case, _ = made.case()
    parameters = loaded.parameters(made.SMALL | {"start": "nothing", "steps": 1, "seed": 9})
    words = str(loaded.method.run(case, parameters, made.Job()).notes[0])
    assert "Increase 'Training time' (minutes), or choose another 'Initial completion' (start)." in words
