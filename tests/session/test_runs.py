"""Runs in the session: states, results, and cleanup after failures."""

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from marview.mar import Note, Outcome, Progress, SharedArray
from marview.mar.messages import WeightsRead
from marview.mar.shared import NoRoom
from marview.session import result
from marview.session.job import State
from marview.session.result import Coverage
from marview.session.run_differences import Difference, differences
from marview.session.run_scope import Reach, RunScope
from marview.time_left import TimeLeft


def ended(session, mail) -> None:
    mail.wait_until(lambda: session.runs.job and not session.runs.is_running)


def wait_until(is_so: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait without running the calls that other threads post."""
    end = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)


def states_of(session) -> list[State]:
    states: list[State] = []
    session.runs.changed.connect(lambda job: states.append(job.state) if states[-1:] != [job.state] else None)
    return states


def test_the_slice_in_view_is_corrected_first(opened, mail, worker) -> None:
    opened.view.go_to(4)
    states = states_of(opened)
    opened.reduce()
    ended(opened, mail)
    assert worker.requests[0].slices == (4, 3, 2)
    assert states == [State.QUEUED, State.RUNNING, State.DONE]
    assert opened.result.is_complete
    assert opened.results == [opened.result]


def test_a_corrected_slice_is_the_source_and_the_correction(opened, mail, fakes) -> None:
    opened.reduce()
    ended(opened, mail)
    hu = opened.loaded.volume.hu
    for z in range(len(hu)):
        opened.view.go_to(z)
        expected = hu[z] + 10 if z in fakes.METAL_SLICES else hu[z]
        np.testing.assert_array_equal(opened.corrected().values, expected)
        np.testing.assert_array_equal(opened.original().values, hu[z])


def test_panes_update_as_slices_arrive(opened, mail, worker) -> None:
    filled = []
    opened.runs.filled.connect(filled.append)
    worker.gate.clear()
    opened.reduce()
    mail.wait_until(lambda: opened.result.done)
    assert opened.runs.is_running
    first = worker.requests[0].slices[0]
    waiting = worker.requests[0].slices[1]
    assert set(filled) == {first}
    assert opened.result.coverage(first) is Coverage.CORRECTED
    assert opened.result.coverage(waiting) is Coverage.WAITING
    assert opened.result.coverage(0) is Coverage.UNCHANGED
    assert opened.result.output("prior", first).shape == (416, 416)
    assert opened.result.output("prior", waiting) is None
    hu = opened.loaded.volume.hu[waiting]
    np.testing.assert_array_equal(opened.result.corrected(hu, waiting), hu)  # NaN until it is done: never shown
    assert not opened.result.correction_of(waiting).any()
    worker.gate.set()
    ended(opened, mail)


def test_slices_that_arrive_while_the_window_is_busy_are_announced_once(opened, mail, worker) -> None:
    filled, changed = [], []
    opened.runs.filled.connect(filled.append)
    opened.reduce()
    job = opened.runs.job
    opened.runs.changed.connect(lambda job: changed.append(job.state))
    wait_until(lambda: job.run is not None and job.run.outcome is not None)  # the window's thread does nothing
    ended(opened, mail)
    assert filled == list(worker.requests[0].slices)
    assert changed == [State.RUNNING, State.DONE]
    assert job.result.is_complete


def test_the_memory_of_a_run_is_reserved_beside_the_thread_of_the_window(opened, mail, monkeypatch) -> None:
    made: list[threading.Thread] = []

    def create(*args, **options) -> SharedArray:
        made.append(threading.current_thread())
        return usual(*args, **options)

    usual = SharedArray.create
    monkeypatch.setattr(SharedArray, "create", create)
    opened.reduce()
    ended(opened, mail)
    assert made
    assert threading.current_thread() not in made


def test_the_first_corrected_slice_is_computed_beside_the_thread_of_the_window(opened, mail, monkeypatch) -> None:
    threads: list[threading.Thread] = []

    def corrected(*args) -> np.ndarray:
        threads.append(threading.current_thread())
        return usual(*args)

    usual = result.corrected
    monkeypatch.setattr(result, "corrected", corrected)
    opened.view.go_to(4)
    opened.reduce()
    ended(opened, mail)
    assert len(threads) == 1
    shown = opened.corrected()
    again = opened.corrected()
    assert again.values is shown.values
    assert threading.current_thread() not in threads
    np.testing.assert_array_equal(shown.values, opened.loaded.volume.hu[4] + 10)


def test_a_run_can_be_cancelled_before_its_memory_is_reserved(opened, mail, worker, said, monkeypatch) -> None:
    may_go_on = threading.Event()

    def create(*args, **options) -> SharedArray:
        assert may_go_on.wait(20)
        return usual(*args, **options)

    usual = SharedArray.create
    monkeypatch.setattr(SharedArray, "create", create)
    worker.gate.clear()
    opened.reduce()
    assert not opened.runs.job.is_waiting
    opened.cancel()
    assert opened.runs.job.state is State.CANCELLING
    may_go_on.set()
    ended(opened, mail)
    assert opened.runs.job.state is State.CANCELLED
    assert said == ["The run was cancelled. Your images are unchanged."]
    opened.reduce()
    worker.gate.set()
    ended(opened, mail)
    assert opened.result.is_complete


def test_what_waits_runs_after_a_run_that_could_not_start(opened, mail, worker, said, monkeypatch) -> None:
    has_begun, may_fail = threading.Event(), threading.Event()

    def create(*args, **options) -> SharedArray:
        if has_begun.is_set():
            return usual(*args, **options)
        has_begun.set()
        assert may_fail.wait(20)
        raise NoRoom("There is no room for an array of 1 MB.")

    usual = SharedArray.create
    monkeypatch.setattr(SharedArray, "create", create)
    opened.reduce()
    assert has_begun.wait(20)
    opened.methods.set_value("fake", "strength_hu", 20.0)
    opened.reduce()
    assert len(opened.runs.waiting) == 1
    may_fail.set()
    mail.wait_until(lambda: len(worker.requests) == 1 and not opened.runs.is_running)
    assert said == ["There is no room for an array of 1 MB."]
    assert opened.result.is_complete


def test_a_mask_change_during_a_run_does_not_affect_it(opened, mail, worker) -> None:
    worker.gate.clear()
    opened.reduce()
    mail.wait_until(lambda: opened.result.done)
    before = worker.requests[0].mask.array.copy()
    opened.metal.set_threshold(500)
    mail.wait_until(lambda: not opened.metal.is_busy)
    np.testing.assert_array_equal(worker.requests[0].mask.array, before)
    worker.gate.set()
    ended(opened, mail)


def test_a_note_stands_in_the_place_of_the_one_it_replaces(opened, mail) -> None:
    opened.reduce()
    ended(opened, mail)
    job = opened.runs.job
    both = "2 slices (3 and 4): much."
    for note in (Note("Slice 3: much.", 3), Note("Of the run."), Note(both, 4, "Slice 3: much.")):
        job.take(note)
    assert job.result.notes[-2:] == [both, "Of the run."]


def test_the_remaining_time_is_estimated_from_the_end_of_learning(opened, mail) -> None:
    """Otherwise the minutes of learning would count for every following slice."""
    opened.reduce()
    ended(opened, mail)
    job = opened.runs.job
    job.state = State.RUNNING
    now = [0.0]
    job.left = TimeLeft(lambda: now[0])
    job.take(Progress(0.0, "step 1 of 100", is_learning=True))
    assert job.remaining_s is None
    now[0] += 60
    job.take(Progress(0.5, "step 50 of 100", is_learning=True))
    assert job.is_learning
    assert job.remaining_s == pytest.approx(60)
    now[0] += 20
    assert job.remaining_s == pytest.approx(40)
    job.take(Progress(0.1, "filling the trace"))
    assert not job.is_learning
    assert job.remaining_s is None
    now[0] += 3
    job.take(Progress(0.4, "reconstructing"))
    assert job.remaining_s == pytest.approx(6)


def test_cancelling_a_second_run_brings_the_first_result_back(opened, mail, worker, said) -> None:
    opened.reduce()
    ended(opened, mail)
    first = opened.result
    states = states_of(opened)
    worker.gate.clear()
    opened.reduce()
    mail.wait_until(lambda: opened.result is not first and opened.result.done)
    opened.runs.cancel()
    opened.runs.cancel()
    ended(opened, mail)
    assert states == [State.QUEUED, State.RUNNING, State.CANCELLING, State.CANCELLED]
    assert opened.result is first
    assert opened.results[0] is first
    assert len(opened.results[1].done) == 1
    assert "cancelled" in said[-1]


def test_slices_corrected_before_a_cancel_are_kept(opened, mail, worker) -> None:
    worker.gate.clear()
    opened.reduce()
    mail.wait_until(lambda: opened.result.done)
    opened.runs.cancel()
    ended(opened, mail)
    assert len(opened.result.done) == 1
    assert not opened.result.is_complete
    settled = opened.result.settled_correction()
    assert all(np.isfinite(settled[z]).all() for z in range(settled.shape[0]))


@pytest.mark.parametrize("is_cancelled", [False, True])
@pytest.mark.parametrize("used", [[], ["ab" * 32]])
def test_a_result_says_which_weights_were_read_for_it(opened, mail, worker, used, is_cancelled) -> None:
    """A method that learns from the scan may read none of its weights."""
    worker.weights = [WeightsRead("weights/own.safetensors", each) for each in used]
    if is_cancelled:
        worker.gate.clear()
    opened.reduce()
    if is_cancelled:
        mail.wait_until(lambda: opened.result.done)
        opened.runs.cancel()
    ended(opened, mail)
    assert opened.result.is_complete != is_cancelled
    assert opened.result.provenance().weights_sha256 == "".join(used)


@pytest.mark.parametrize("state", ["failed", "crashed"])
def test_a_run_that_stops_early_keeps_the_finished_slices_and_can_go_on(opened, mail, worker, said, state) -> None:
    worker.ending = Outcome(state, "The method fake crashed: a segmentation fault.", exit_code=4)
    opened.view.go_to(4)
    opened.reduce()
    ended(opened, mail)
    assert opened.runs.job.state == state
    assert said == ["The method fake crashed: a segmentation fault."]
    result = opened.result
    assert result.missing == (3, 2)
    assert opened.unfinished is result
    assert (result.corrected(opened.loaded.volume.hu[4], 4) == opened.loaded.volume.hu[4] + 10).all()
    worker.ending = Outcome("done")
    opened.retry()
    ended(opened, mail)
    assert worker.requests[-1].slices == (3, 2)
    assert opened.result is result
    assert opened.results == [result]
    assert result.is_complete
    assert opened.unfinished is None
    settled = result.settled_correction()
    assert all((settled[z] == (10 if z in {2, 3, 4} else 0)).all() for z in range(settled.shape[0]))
    assert len(result.settled_correction()._planes) == 3, "slices that are not corrected take no memory"


def test_a_run_knows_which_end_is_the_head(opened, mail, worker) -> None:
    opened.reduce()
    ended(opened, mail)
    assert [worker.requests[0].numbers.number(z) for z in (0, 6)] == [7, 1]


def test_a_retry_uses_the_mask_of_the_run_that_stopped(opened, mail, worker) -> None:
    worker.ending = Outcome("crashed", "It crashed.", exit_code=4)
    marked = opened.metal.mask.array.copy()
    opened.reduce()
    ended(opened, mail)
    opened.metal.set_threshold(500)
    mail.wait_until(lambda: not opened.metal.is_busy)
    worker.ending = Outcome("done")
    worker.gate.clear()
    opened.retry()
    mail.wait_until(lambda: len(worker.requests) == 2)
    np.testing.assert_array_equal(worker.requests[1].mask.array, marked)
    worker.gate.set()
    ended(opened, mail)


def test_a_run_that_fails_before_its_first_slice_leaves_no_result(opened, mail, worker, said) -> None:
    worker.ending = Outcome("failed", "The method fake failed.", exit_code=4)
    worker.is_failing_at_once = True
    opened.reduce()
    ended(opened, mail)
    assert said == ["The method fake failed."]
    assert opened.result is None
    assert opened.unfinished is None


def test_an_equal_second_run_is_not_queued(opened, mail, worker) -> None:
    worker.gate.clear()
    opened.reduce()
    opened.reduce()
    assert len(opened.runs.queue) == 1
    worker.gate.set()
    ended(opened, mail)
    assert len(worker.requests) == 1


def test_without_metal_there_gives_a_message_and_no_run(opened, mail, worker, said) -> None:
    opened.metal.set_threshold(30000)
    mail.wait_until(lambda: not opened.metal.is_busy)
    opened.reduce()
    assert worker.requests == []
    assert "metal" in said[-1]


def test_every_result_is_kept(opened, mail) -> None:
    for _ in range(4):
        opened.reduce()
        ended(opened, mail)
    assert len(opened.results) == 4
    assert opened.result is opened.results[-1]


def test_a_result_says_how_it_was_made(opened, mail) -> None:
    opened.metal.set_margin(1.0)
    mail.wait_until(lambda: not opened.metal.is_busy)
    opened.methods.set_value("fake", "rounds", 3)
    opened.reduce()
    ended(opened, mail)
    record = opened.result.provenance()
    assert (record.method_id, record.method_version, record.margin_mm) == ("fake", "2.1", 1.0)
    assert (record.device, record.seconds, record.mask_origin) == ("cpu", 1.5, "adaptive")
    assert opened.result.parameters == {"rounds": 3}
    assert opened.result.notes == ["A note."]
    assert "Not for primary diagnosis" in record.text()


def test_the_switch_of_restoring_reaches_the_run_its_record_and_its_repetition(opened, mail, worker) -> None:
    opened.methods.restores_cut_off = False
    opened.reduce()
    ended(opened, mail)
    result = opened.result
    opened.methods.restores_cut_off = True
    opened.reductions.run_again(result)
    ended(opened, mail)
    opened.reduce()
    ended(opened, mail)
    assert [request.restore_cut_off for request in worker.requests] == [False, False, True]
    assert "restoration of clipped streaks switched off" in result.provenance().settings()
    assert Difference("Clipped streaks", "not restored", "restored") in differences(result, opened.result)


def test_a_run_on_one_slice_knows_the_metal_of_the_others(opened, mail, worker, fakes) -> None:
    """Otherwise a method would learn from slices with metal."""
    opened.reductions.scope = RunScope(Reach.SLICE)
    opened.view.go_to(3)
    opened.reduce()
    ended(opened, mail)
    assert worker.requests[0].slices == (3,)
    assert opened.result.slices == (3,)
    assert tuple(z for z in range(len(opened.loaded.volume.hu)) if opened.result.mask[z].any()) == fakes.METAL_SLICES
