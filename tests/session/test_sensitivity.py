"""Sweeps in the session: the job, its results, and cleanup after failures."""

import json
import math

import numpy as np
import pytest

from marview.dicom.make import Labels, write_ct_series
from marview.errors import UsageError
from marview.geometry import Grid
from marview.mar import Outcome
from marview.session.job import State
from marview.session.sensitivity_choice import SweepChoice, numbers, refuse_too_large
from marview.session.sensitivity_marks import Line, Region
from marview.session.swept import ORIGINAL, strongest
from marview.volume.window import HuWindow

CHOICE = SweepChoice(("fake",), (0.0, 1.0, 2.0))


def ended(session, mail) -> None:
    mail.wait_until(lambda: session.sensitivity.job and not session.sensitivity.is_running)


@pytest.fixture
def swept(opened, mail):
    opened.sweep(CHOICE)
    ended(opened, mail)
    return opened


def test_a_sweep_runs_every_margin_on_the_slices_with_metal(swept, worker, fakes) -> None:
    sensitivity = swept.sensitivity
    assert sensitivity.job.state is State.DONE
    assert sensitivity.swept.result.slices == fakes.METAL_SLICES
    assert [request.slices for request in worker.requests] == [fakes.METAL_SLICES] * 3
    assert all(request.keep_projections for request in worker.requests)
    assert [row.variant.label for row in sensitivity.rows] == ["uncorrected", "0 mm", "+1 mm", "+2 mm"]
    assert sensitivity.variant == "fake_+0mm"
    assert swept.result is None


def test_only_the_chosen_slices_are_kept(opened, mail) -> None:
    opened.sweep(SweepChoice(("fake", "other"), (0.0, 1.0), "px", (), (3, 6)))
    ended(opened, mail)
    result = opened.sensitivity.swept.result
    assert result.slices == (3, 4)
    assert {image.shape[0] for image in result.hu.values()} == {2}
    assert result.methods == ("fake", "other")
    assert "fake_+1px" in result.hu


def test_the_mask_may_change_while_a_sweep_runs(opened, mail, worker) -> None:
    worker.gate.clear()
    opened.sweep(CHOICE)
    mail.wait_until(lambda: worker.requests)
    opened.metal.set_threshold(500)
    mail.wait_until(lambda: not opened.metal.is_busy)
    worker.gate.set()
    ended(opened, mail)
    counts = [row.metal_voxels for row in opened.sensitivity.rows]
    assert counts[0] == counts[1] == 90


def test_progress_is_reported_and_a_cancelled_sweep_keeps_earlier_results(swept, mail, worker, said) -> None:
    before, results = swept.sensitivity.swept, swept.results
    worker.gate.clear()
    swept.sweep(SweepChoice(("other",), (0.0, 1.0)))
    mail.wait_until(lambda: swept.sensitivity.job.state is State.RUNNING)
    swept.cancel()
    assert swept.sensitivity.job.state is State.CANCELLING
    ended(swept, mail)
    assert swept.sensitivity.job.state is State.CANCELLED
    assert swept.sensitivity.swept is before
    assert swept.results is results
    assert "cancelled" in said[-1]


@pytest.mark.parametrize("state", ["failed", "crashed"])
def test_a_sweep_that_fails_gives_a_message_and_leaves_what_was_found(swept, mail, worker, said, state) -> None:
    before = swept.sensitivity.swept
    worker.ending = Outcome(state, "The method fake crashed: a segmentation fault.", exit_code=4)
    swept.sweep(CHOICE)
    ended(swept, mail)
    assert swept.sensitivity.job.state is State.FAILED
    assert said[-1] == "The method fake crashed: a segmentation fault."
    assert swept.sensitivity.swept is before


def test_margins_without_effect_are_noted(opened, mail, said) -> None:
    opened.sweep(SweepChoice(("fake",), (0.0, 0.01, 3.0)))
    ended(opened, mail)
    assert (
        said[-1] == "Margins 0 mm, +0.01 mm gave the same mask, because distances are measured between voxel centres."
    )


def test_a_sweep_and_a_run_do_not_run_at_the_same_time(opened, mail, worker, said) -> None:
    worker.gate.clear()
    opened.sweep(CHOICE)
    mail.wait_until(lambda: worker.requests)
    opened.reduce()
    assert not opened.runs.is_running
    assert "sweep is in progress" in said[-1]
    worker.gate.set()
    ended(opened, mail)
    worker.gate.clear()
    opened.reduce()
    before = len(worker.requests)
    opened.sweep(CHOICE)
    assert "run is in progress" in said[-1]
    assert len(worker.requests) == before
    worker.gate.set()
    mail.wait_until(lambda: not opened.runs.is_running)


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (SweepChoice(()), "No method"),
        (SweepChoice(("fake",), (1.0,)), "at least two"),
        (SweepChoice(("fake",), (0.0, 1.0), slices=(5, 6)), "contains metal"),
        (SweepChoice(("fake",), (0.0, math.inf)), "numbers"),
    ],
)
def test_an_invalid_sweep_gives_a_message_and_no_run(opened, worker, said, choice, sentence) -> None:
    opened.sweep(choice)
    assert sentence in said[-1]
    assert not worker.requests
    assert opened.sensitivity.job is None


def test_an_empty_mask_gives_a_message_and_no_run(opened, mail, worker, said) -> None:
    opened.metal.set_threshold(30000)
    mail.wait_until(lambda: not opened.metal.is_busy)
    opened.sweep(CHOICE)
    assert "No metal" in said[-1]
    assert not worker.requests


def test_masks_that_vanish_in_every_variant_are_a_sentence(opened, mail, worker, said) -> None:
    opened.sweep(SweepChoice(("fake",), (-20.0, -30.0)))
    ended(opened, mail)
    assert "The mask contains no metal" in said[-1]
    assert not worker.requests


def test_another_series_ends_the_sweep_and_drops_what_was_found(swept, mail, worker, fakes, tmp_path) -> None:
    worker.gate.clear()
    swept.sweep(CHOICE)
    mail.wait_until(lambda: swept.sensitivity.job.state is State.RUNNING)
    swept.open(fakes.write_series(tmp_path / "other", "Other", 9))
    mail.wait_until(lambda: swept.loaded.series.description == "Other" and not swept.refusal)
    assert swept.sensitivity.swept is None
    assert swept.sensitivity.line is None
    assert not swept.sensitivity.is_running


def test_a_region_is_measured_in_its_slice_without_the_metal(swept) -> None:
    sensitivity = swept.sensitivity
    hu = swept.loaded.volume.hu
    region = Region.between(3, (-6.0, -6.0), (6.0, 6.0))
    sensitivity.mark(region=region)
    inside = region.pixels(swept.original()) & ~sensitivity.swept.mask("fake_+2mm", 3)  # the largest mask
    assert inside.sum() > 30
    assert sensitivity.rows[0].mean_hu == pytest.approx(hu[3][inside].mean())
    assert sensitivity.rows[1].mean_hu == pytest.approx(hu[3][inside].mean() + 10)
    assert sensitivity.rows[1].streak_index == sensitivity.swept.rows[1].streak_index or math.isnan(
        sensitivity.rows[1].streak_index
    )
    sensitivity.drop_region()
    assert sensitivity.rows == sensitivity.swept.rows


def test_a_region_knows_what_it_holds() -> None:
    region = Region.between(0, (10.0, 0.0), (0.0, 4.0))
    assert region.holds((5.0, 2.0))
    assert not region.holds((0.2, 0.2))
    assert region.moved(100, 0).holds((105.0, 2.0))
    assert not Region.between(0, (1.0, 1.0), (1.0, 1.0)).holds((1.0, 1.0))


def test_profiles_follow_the_line_in_every_variant(swept) -> None:
    sensitivity = swept.sensitivity
    sensitivity.mark(line=Line((-20.0, 10.0), (20.0, 10.0)))
    profiles = sensitivity.profiles(3)
    assert set(profiles) == {ORIGINAL, "fake_+0mm", "fake_+1mm", "fake_+2mm"}
    np.testing.assert_allclose(profiles["fake_+0mm"].hu, profiles[ORIGINAL].hu + 10)
    assert profiles[ORIGINAL].distance_mm[-1] == pytest.approx(40)
    assert sensitivity.profiles(0) == {}


def test_the_spread_belongs_to_the_method_in_view(opened, mail) -> None:
    opened.sweep(SweepChoice(("fake", "other"), (0.0, 1.0)))
    ended(opened, mail)
    sensitivity = opened.sensitivity
    sensitivity.choose("other_+1mm")
    assert sensitivity.method == "other"
    spread = sensitivity.spread(3)
    np.testing.assert_array_equal(spread, sensitivity.swept.result.spread_hu("other", 3))
    assert sensitivity.spread(0) is None
    sensitivity.choose("not there")
    assert sensitivity.variant == "other_+1mm"


def test_colours_end_at_a_round_number() -> None:
    spread = np.linspace(0, 137, 1000, dtype=np.float32).reshape(10, 100)
    assert strongest(spread, np.zeros((10, 100), bool)) == 200
    assert strongest(np.zeros((10, 100), np.float32), np.zeros((10, 100), bool)) == 1


@pytest.mark.parametrize("name", ["table.csv", "figure.png", "figure.pdf"])
def test_a_sweep_is_exported(swept, mail, said, tmp_path, name) -> None:
    swept.sensitivity.export(tmp_path / name, 0, HuWindow(400, 40))
    mail.wait_until(lambda: said)
    assert name in said[-1]
    assert (tmp_path / name).stat().st_size > 100


def test_without_a_sweep_there_is_nothing_to_export(opened, said, tmp_path) -> None:
    opened.sensitivity.export(tmp_path / "table.csv", 0, HuWindow(400, 40))
    assert "no sweep" in said[-1]


def test_the_truth_of_a_demo_study_is_known(session, mail, fakes, tmp_path) -> None:
    study = fakes.write_series(tmp_path / "study")
    truth = fakes.volume()
    truth[truth > 1000] = 40
    labels = Labels("T^N", "T", "A test", "Truth", 2, "CHEST", "", 120.0)
    write_ct_series(truth, Grid.from_spacing(truth.shape, (2.0, 1.0, 1.0)), tmp_path / "truth", labels, seed="t")
    (tmp_path / "demo.json").write_text(json.dumps({"kind": "hip"}))
    session.methods.look()
    session.open(study)
    mail.wait_until(lambda: session.metal.is_present and not session.refusal and session.methods.devices)
    session.sweep(CHOICE)
    ended(session, mail)
    rows = session.sensitivity.rows
    assert rows[0].rmse_hu == 0
    assert rows[1].rmse_hu == pytest.approx(10, abs=1)
    session.sensitivity.mark(line=Line((-20.0, 10.0), (20.0, 10.0)))
    assert "truth" in session.sensitivity.profiles(3)


def test_a_sweep_that_memory_cannot_hold_is_refused() -> None:
    refuse_too_large(5, 20, (512, 512))
    with pytest.raises(UsageError, match="fewer slices"):
        refuse_too_large(20, 300, (512, 512))


def test_numbers_are_read_as_people_write_them() -> None:
    assert numbers(" −1, 0 ,2.5", "margins") == (-1, 0, 2.5)
    assert numbers("", "margins") == ()
    with pytest.raises(UsageError, match="margins"):
        numbers("a, b", "margins")
