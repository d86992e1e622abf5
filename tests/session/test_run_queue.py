"""The queue of runs, their scope and duration, and differences between two runs."""

import pytest

from marview.errors import MarviewError
from marview.mar import Outcome
from marview.session.job import State
from marview.session.run_differences import differences
from marview.session.run_scope import Reach, RunScope
from marview.session.settings import Settings


def ended(session, mail) -> None:
    mail.wait_until(lambda: session.runs.job and not session.runs.queue)


def queue_three(session) -> None:
    """Three runs; the worker's gate holds the first one."""
    session.reduce()
    session.methods.choose("other")
    session.reduce()
    session.methods.set_value("other", "rounds", 5)
    session.reduce()


def test_runs_wait_and_are_made_in_order(opened, mail, worker) -> None:
    worker.gate.clear()
    queue_three(opened)
    assert [job.is_waiting for job in opened.runs.queue] == [False, True, True]
    mail.wait_until(lambda: opened.result.done)
    assert [job.request is None for job in opened.runs.queue] == [False, True, True], "a waiting run takes no memory"
    worker.gate.set()
    ended(opened, mail)
    assert [request.method for request in worker.requests] == ["fake", "other", "other"]
    assert [result.parameters for result in opened.results] == [{}, {}, {"rounds": 5}]
    assert opened.result is opened.results[-1]


def test_the_order_can_be_changed_and_a_waiting_run_cancelled(opened, mail, worker) -> None:
    worker.gate.clear()
    queue_three(opened)
    second, third = opened.runs.waiting
    opened.runs.move(third, -1)
    assert opened.runs.waiting == [third, second]
    opened.runs.cancel(second)
    assert second.state is State.CANCELLED
    worker.gate.set()
    ended(opened, mail)
    assert [result.parameters for result in opened.results] == [{}, {"rounds": 5}]


def test_cancelling_all_starts_no_further_run(opened, mail, worker) -> None:
    worker.gate.clear()
    queue_three(opened)
    opened.runs.cancel_all()
    ended(opened, mail)
    assert len(worker.requests) == 1


def test_a_run_that_fails_lets_the_next_one_begin(opened, mail, worker) -> None:
    worker.gate.clear()
    worker.ending = Outcome("failed", "It failed.", exit_code=4)
    opened.reduce()
    opened.methods.choose("other")
    opened.reduce()
    worker.gate.set()
    ended(opened, mail)
    assert [request.method for request in worker.requests] == ["fake", "other"]


def test_the_same_run_is_queued_once(opened, mail, worker, said) -> None:
    worker.gate.clear()
    opened.reduce()
    opened.reduce()
    assert len(opened.runs.queue) == 1
    assert said[-1] == "This run is already in progress or waiting."
    worker.gate.set()
    ended(opened, mail)


def test_a_waiting_run_keeps_its_series_and_its_mask(opened, mail, worker, fakes, tmp_path) -> None:
    worker.gate.clear()
    opened.reduce()
    opened.methods.choose("other")
    opened.reduce()
    voxels = int(opened.metal.counts.sum())
    opened.metal.set_threshold(500)
    mail.wait_until(lambda: not opened.metal.is_busy)
    opened.open(fakes.write_series(tmp_path / "second", "Second", 9))
    mail.wait_until(lambda: opened.loaded.series.description == "Second" and not opened.refusal)
    assert len(opened.unsaved) == 2
    worker.gate.set()
    ended(opened, mail)
    seen = worker.requests[1]
    assert seen.method == "other"
    opened.library.choose(opened.library.entries[-1])
    mail.wait_until(lambda: opened.loaded.series.description == "Small series" and not opened.refusal)
    assert [result.method for result in opened.results] == ["fake", "other"]
    assert sum(int(opened.results[1].mask[z].sum()) for z in range(7)) == voxels


def test_a_result_that_was_chosen_stays_in_view_when_the_next_run_begins(opened, mail, worker) -> None:
    opened.reduce()
    ended(opened, mail)
    first = opened.result
    worker.gate.clear()
    opened.methods.choose("other")
    opened.reduce()
    opened.methods.set_value("other", "rounds", 5)
    opened.reduce()
    opened.show(first)
    worker.gate.set()
    ended(opened, mail)
    assert len(opened.results) == 3
    assert opened.result is first


def test_closing_begins_no_waiting_run(opened, mail, worker) -> None:
    worker.gate.clear()
    queue_three(opened)
    opened.close()
    with pytest.raises(AssertionError):
        mail.wait_until(lambda: len(worker.requests) > 1, timeout_s=0.3)


@pytest.mark.parametrize(
    ("scope", "slices"),
    [
        (RunScope(), (4, 3, 2)),
        (RunScope(Reach.SLICE), (4,)),
        (RunScope(Reach.RANGE, 4, 5), (3, 2)),
        (RunScope(Reach.RANGE, 5, 4), (3, 2)),
        (RunScope(Reach.ALL), (4, 3, 5, 2, 6, 1, 0)),
    ],
)
def test_a_run_corrects_the_slices_in_its_scope(opened, mail, worker, scope, slices) -> None:
    """Slice 1 is at the head end, here the last index: numbers 4 and 5 are indices 3 and 2."""
    opened.view.go_to(4)
    opened.reductions.scope = scope
    opened.reduce()
    ended(opened, mail)
    assert worker.requests[0].slices == slices
    assert opened.result.is_complete


def test_a_scope_without_metal_is_refused_with_the_slice_number(opened, worker, said) -> None:
    opened.view.go_to(0)
    opened.reductions.scope = RunScope(Reach.SLICE)
    opened.reduce()
    assert not worker.requests
    assert said[-1].startswith("Slice 7 contains no metal")


def test_run_again_uses_the_method_the_parameters_and_the_mask_in_use(opened, mail, worker) -> None:
    opened.methods.set_value("fake", "rounds", 4)
    opened.reduce()
    ended(opened, mail)
    first = opened.result
    opened.methods.choose("other")
    opened.metal.set_margin(1.0)
    mail.wait_until(lambda: not opened.metal.is_busy)
    opened.reductions.run_again(first)
    ended(opened, mail)
    again = opened.result
    assert again is not first
    assert (again.method, dict(again.parameters), again.slices) == ("fake", {"rounds": 4}, first.slices)
    found = {one.what: (one.first, one.second) for one in differences(first, again)}
    assert found["Margin"] == ("0 mm", "+1 mm")
    assert "Method" not in found
    assert found["Images, 3 slices"][0].startswith("RMS difference 0.0 HU, 0.0 %")


def test_runs_on_this_machine_say_how_long_a_method_takes(opened, mail, tmp_path) -> None:
    current = opened.methods.current
    assert opened.speeds.seconds_a_slice(current) is None
    opened.reduce()
    ended(opened, mail)
    assert opened.speeds.seconds_a_slice(current) == (0.5, 1)
    assert opened.speeds.seconds_a_slice(current, "cuda") is None
    opened.settings.file = tmp_path / "settings.json"
    opened.settings.save()
    assert Settings.load(opened.settings.file).speeds == {"fake 2.1 cpu": [0.5]}


def test_a_job_that_is_over_holds_no_volume(opened, mail) -> None:
    """A job and its run refer to each other, so the volume would stay until garbage collection."""
    opened.reduce()
    mail.wait_until(lambda: opened.runs.job and not opened.runs.is_running)
    with pytest.raises(MarviewError, match="already ended"):
        opened.runs.job.prepare()
