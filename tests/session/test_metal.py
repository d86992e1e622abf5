import threading

import numpy as np
import pytest

from marview.session.metal import Recipe
from marview.session.tools import Tool


def settled(session, mail) -> None:
    mail.wait_until(lambda: not session.metal.is_busy)


def test_metal_is_found_when_a_series_is_open(opened, fakes) -> None:
    assert tuple(opened.metal.slices) == fakes.METAL_SLICES
    assert opened.metal.recipe == Recipe()
    assert opened.metal.plane(3)[32, 40]
    assert opened.metal.plane(0) is None


def test_a_threshold_is_what_exceeds_it(opened, mail) -> None:
    opened.metal.set_threshold(500)
    settled(opened, mail)
    hu = opened.loaded.volume.hu
    np.testing.assert_array_equal(opened.metal.shared.array, hu > 500)
    assert opened.metal.counts.tolist() == (hu > 500).sum(axis=(1, 2)).tolist()
    assert opened.metal.recipe.text == "above 500 HU"


def test_a_margin_grows_and_shrinks(opened, mail) -> None:
    plain = opened.metal.shared.array.copy()
    opened.metal.set_margin(2.0)
    settled(opened, mail)
    grown = opened.metal.shared.array.copy()
    opened.metal.set_margin(0.0)
    settled(opened, mail)
    assert grown[plain].all()
    assert grown.sum() > plain.sum()
    np.testing.assert_array_equal(opened.metal.shared.array, plain)


def test_undo_ends_with_what_is_kept(opened, mail) -> None:
    """Beyond the memory limit the oldest edits are dropped and can no longer be undone."""
    metal = opened.metal
    metal.mask.undo_stack.limit_bytes = 1
    for x in (10, 20, 30):
        opened.tools.take(Tool.BRUSH)
        opened.painting.press((40.0, float(x)))
        opened.painting.release()
    assert metal.can_undo
    assert metal.undo() is not None
    assert not metal.can_undo
    assert metal.can_redo


def test_undo_and_redo_go_bit_for_bit(opened, mail) -> None:
    states = [opened.metal.shared.array.copy()]
    for change in (lambda: opened.metal.set_threshold(600), lambda: opened.metal.set_margin(1.5), opened.metal.find):
        change()
        settled(opened, mail)
        states.append(opened.metal.shared.array.copy())
    for before in states[-2::-1]:
        opened.metal.undo()
        np.testing.assert_array_equal(opened.metal.shared.array, before)
    assert opened.metal.recipe == Recipe()
    opened.metal.undo()
    for after in states[1:]:
        opened.metal.redo()
        np.testing.assert_array_equal(opened.metal.shared.array, after)
    assert opened.metal.recipe == Recipe(margin_mm=1.5)


def test_only_the_last_of_many_thresholds_is_used(opened, mail) -> None:
    for threshold in range(400, 800, 20):
        opened.metal.set_threshold(threshold)
    settled(opened, mail)
    assert opened.metal.recipe.threshold_hu == 780


def test_a_margin_that_leaves_nothing_is_refused_and_nothing_changes(opened, mail, said) -> None:
    before = opened.metal.shared.array.copy()
    opened.metal.set_margin(-5.0)
    settled(opened, mail)
    assert "leaves no metal in the mask" in said[-1]
    np.testing.assert_array_equal(opened.metal.shared.array, before)
    assert opened.metal.recipe == Recipe()


def test_slices_go_outward_from_the_one_in_view(opened) -> None:
    assert opened.metal.outward(4) == (4, 3, 2)
    assert opened.metal.outward(0) == (2, 3, 4)


@pytest.mark.parametrize(("here", "step", "there"), [(0, 1, 2), (2, 1, 3), (4, 1, None), (6, -1, 4), (2, -1, None)])
def test_the_next_slice_with_metal(opened, here: int, step: int, there: int | None) -> None:
    assert opened.metal.nearest(here, step) == there


@pytest.fixture
def doubtful(session, mail, fakes, tmp_path):
    """A session with an open series that reaches 2700 HU, and its questions."""
    hu = np.minimum(fakes.volume(), 2700)
    questions = []
    session.messages.asked.connect(questions.append)
    session.messages.withdrawn.connect(questions.remove)
    session.open(fakes.write_series(tmp_path / "doubtful", "Doubtful series", hu=hu))
    mail.wait_until(lambda: bool(questions))
    return session, questions


def test_doubtful_voxels_are_metal_once_the_person_says_so(doubtful, mail, fakes) -> None:
    session, (question,) = doubtful
    assert not session.metal.is_present
    assert "2700 HU" in question.sentence
    question.answer(True)
    settled(session, mail)
    assert tuple(session.metal.slices) == fakes.METAL_SLICES
    assert session.metal.recipe.text == "adaptive, doubtful metal confirmed"
    assert not any("Possible metal" in note for note in session.metal.notes)
    session.metal.undo()
    assert not session.metal.is_present


def test_doubtful_voxels_stay_unmarked_where_the_person_says_no(doubtful, mail) -> None:
    session, (question,) = doubtful
    question.answer(False)
    settled(session, mail)
    assert not session.metal.is_present


def test_the_question_goes_when_a_threshold_answers_it(doubtful, mail) -> None:
    session, questions = doubtful
    session.metal.set_threshold(2000)
    settled(session, mail)
    assert questions == []
    assert session.metal.is_present


def test_a_question_without_an_answer_is_asked_again_when_the_series_returns(doubtful, mail, small_series) -> None:
    session, questions = doubtful
    first, (question,) = session.library.chosen, questions
    session.open(small_series)
    mail.wait_until(lambda: session.metal.is_present)
    assert questions == []
    session.library.choose(first)
    mail.wait_until(lambda: bool(questions))
    assert questions[0].sentence == question.sentence
    questions[0].answer(True)
    settled(session, mail)
    assert session.metal.is_present


def test_an_answered_question_is_not_asked_again(doubtful, mail, small_series) -> None:
    session, questions = doubtful
    first, (question,) = session.library.chosen, list(questions)
    questions.clear()
    question.answer(False)
    session.open(small_series)
    mail.wait_until(lambda: session.metal.is_present)
    session.library.choose(first)
    mail.wait_until(lambda: session.library.chosen is first and session.metal.is_found)
    assert questions == []


def test_a_change_ends_quietly_when_its_series_is_closed_meanwhile(opened, mail, caplog) -> None:
    began, gate = threading.Event(), threading.Event()

    def change(mask):
        began.set()
        gate.wait(20)
        return ~mask

    opened.metal.edit(change)
    assert began.wait(20)
    opened.closing.close_series(opened.library.chosen)
    gate.set()
    settled(opened, mail)
    opened.background.close()  # waits for the threads
    assert "failed" not in caplog.text
