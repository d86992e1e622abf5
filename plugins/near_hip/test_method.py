"""Tests for runs of the near-hip method, and for networks stored for later runs."""

import pytest
import torch

from marview.errors import MethodFailed
from marview.methods.api import Cancelled


def test_a_run_learns_and_keeps_data_outside_the_trace(loaded, made) -> None:
    case, free = made.case()
    job = made.Job()
    result = loaded.method.run(case, loaded.parameters(made.SMALL | {"steps": 40}), job)
    assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    error, li_error = (
        float((one - free)[case.trace].square().mean()) for one in (result.corrected_sinogram, case.li_sinogram)
    )
    assert error < li_error
    words = str(result.notes[0])
    assert "40 steps" in words
    assert "5 slices of this scan" in words
    assert "1 slice not used for training" in words
    assert job.fractions == sorted(job.fractions)
    shares = [share for share, _ in job.learned]
    assert len(shares) == 42
    assert shares == sorted(shares)
    assert "step 40 of 40" in [text for _, text in job.learned]


def test_a_second_run_on_the_same_scan_reuses_the_network(loaded, made) -> None:
    case, _ = made.case()
    first = loaded.method.run(case, loaded.parameters(made.SMALL), made.Job())
    job = made.Job(stops_after=5)
    second = loaded.method.run(case, loaded.parameters(made.SMALL), job)
    assert torch.equal(first.hu, second.hu)
    assert first.notes == second.notes
    assert job.learned == []
    with pytest.raises(Cancelled):
        loaded.method.run(case, loaded.parameters(made.SMALL | {"seed": 1}), made.Job(stops_after=5))


def test_another_mask_is_learned_and_both_networks_are_kept(loaded, made) -> None:
    """A result must not depend on earlier runs."""
    case, _ = made.case()
    parameters = loaded.parameters(made.SMALL | {"seed": 6})
    for is_first in (True, False):
        for job in (made.Job(), made.Job(grown_px=1)):
            words = str(loaded.method.run(case, parameters, job).notes[0])
            assert bool(job.learned) == is_first
            assert "was changed" not in words


def test_a_learning_that_is_cancelled_leaves_what_was_learned_before(loaded, made) -> None:
    case, _ = made.case()
    parameters = loaded.parameters(made.SMALL | {"seed": 8})
    loaded.method.run(case, parameters, made.Job())
    for checks in range(0, 24, 3):  # before the first step, in training, and in validation
        with pytest.raises(Cancelled):
            loaded.method.run(case, parameters, made.Job(grown_px=2, stops_after=checks))
    again = made.Job()
    loaded.method.run(case, parameters, again)
    assert again.learned == []


def test_a_stroke_of_the_brush_teaches_nothing_where_that_is_wished_and_the_note_says_so(loaded, made) -> None:
    case, _ = made.case()
    parameters = loaded.parameters(made.SMALL | {"seed": 7, "reuse": "alike"})
    [words] = loaded.method.run(case, parameters, made.Job()).notes
    little = made.Job(grown_px=1)
    [again] = loaded.method.run(case, parameters, little).notes
    assert little.learned == []
    assert again.startswith(words)
    assert "a slightly different mask" in again
    much = made.Job(grown_px=5)
    [anew] = loaded.method.run(case, parameters, much).notes
    assert much.learned
    assert "was changed" not in anew


def test_training_ends_with_its_minutes(loaded, made) -> None:
    case, _ = made.case()
    result = loaded.method.run(case, loaded.parameters(made.SMALL | {"steps": 90_000, "minutes": 0.005}), made.Job())
    assert "90000 steps" not in result.notes[0]


def test_a_run_reads_the_weights_even_without_learning(loaded, made) -> None:
    case, free = made.case()
    parameters = loaded.parameters({"size_px": 64, "views": 45, "steps": 3})
    first, again = made.Job(loaded=loaded), made.Job(loaded=loaded)
    result = loaded.method.run(case, parameters, first)
    words = str(result.notes[0])
    assert "The network was trained on 5 slices of this scan" in words
    assert "starting from weights of other patients" in words
    assert torch.equal(result.corrected_sinogram[~case.trace], case.sinogram[~case.trace])
    error, li_error = (
        float((one - free)[case.trace].square().mean()) for one in (result.corrected_sinogram, case.li_sinogram)
    )
    assert error < li_error
    assert torch.equal(loaded.method.run(case, parameters, again).hu, result.hu)
    assert first.learned
    assert not again.learned
    assert first.reads == again.reads == 1


@pytest.mark.parametrize("other", [{"channels": 16}, {"fold": 2}, {"start": "li"}])
@pytest.mark.parametrize("slices", [0, 6])
def test_parameters_that_do_not_fit_the_weights_are_refused_with_advice(loaded, made, other, slices) -> None:
    case, _ = made.case()
    [name] = other
    with pytest.raises(MethodFailed, match=rf"Leave {name} out, or set 'Initial weights' \(begin\) to nothing"):
        loaded.method.run(case, loaded.parameters(other), made.Job(slices=slices, loaded=loaded))


def test_without_a_step_no_learning_is_reported(loaded, made) -> None:
    case, _ = made.case()
    small = {"size_px": 64, "views": 45, "minutes": 1e-9}
    [words] = loaded.method.run(case, loaded.parameters(small), made.Job(loaded=loaded)).notes
    assert "0 steps" in words
    assert "too short for a single step, so the initial weights were used" in words
    [words] = loaded.method.run(case, loaded.parameters(made.SMALL | {"minutes": 1e-9}), made.Job()).notes[:1]
    assert "too short for a single step, so the network was not used" in words
    with pytest.raises(MethodFailed, match="no time for a single training step"):
        loaded.method.run(case, loaded.parameters(made.SMALL | {"minutes": 1e-9, "start": "nothing"}), made.Job())


def test_the_manifest_says_from_how_many_slices_it_learns(loaded, room) -> None:
    assert loaded.manifest.fewest_clean == room.patient.FEWEST
