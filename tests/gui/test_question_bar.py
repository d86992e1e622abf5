"""Questions are queued, answered by keys or mouse, and do not block the window."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from marview.session.autosave_store import AutosaveStore
from marview.session.messages import Question
from marview.volume.brush import Brush


def ask(window, sentence: str, answers: list) -> Question:
    question = Question(sentence, "Restore", "Discard", lambda is_yes: answers.append((sentence, is_yes)))
    return window.session.messages.ask(question)


def test_one_question_after_the_other(window) -> None:
    answers: list = []
    ask(window, "First?", answers)
    ask(window, "Second?", answers)
    bar = window.questions
    assert bar.isVisible()
    assert bar.text.text() == "First?"
    QTest.mouseClick(bar.yes, Qt.MouseButton.LeftButton)
    assert bar.text.text() == "Second?"
    bar.no.setFocus()
    QTest.keyClick(bar.no, Qt.Key.Key_Space)
    assert answers == [("First?", True), ("Second?", False)]
    assert not bar.isVisible()


def test_a_question_that_is_withdrawn_is_gone(window) -> None:
    answers: list = []
    question = ask(window, "First?", answers)
    ask(window, "Second?", answers)
    window.session.messages.withdraw(question)
    assert window.questions.text.text() == "Second?"
    assert answers == []


def test_a_run_over_a_gap_is_asked_about_and_then_runs(window, qtbot, fakes, tmp_path: Path) -> None:
    folder = fakes.write_series(tmp_path / "gappy")
    sorted(folder.iterdir())[6].unlink()
    sorted(folder.iterdir())[4].write_bytes(b"")
    session = window.session
    session.open(folder)
    qtbot.waitUntil(lambda: session.metal.is_present and bool(session.methods.devices), timeout=20_000)
    qtbot.waitUntil(lambda: not session.refusal, timeout=5000)
    window.actions_table["reduce"].trigger()
    assert session.runs.job is None
    assert "Correct the slices that are present?" in window.questions.text.text()
    QTest.mouseClick(window.questions.yes, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: session.result is not None and not session.runs.is_running, timeout=20_000)
    assert not window.questions.isVisible()


@pytest.fixture
def left(window, opened, tmp_path: Path) -> np.ndarray:
    """Leftovers of a killed window: a painted mask of the small series, and a released lock."""
    session = opened.session
    session.metal.begin_stroke()
    session.metal.stamp((1, 10.0, 10.0), (1, 12.0, 30.0), Brush(radius_mm=3))
    session.metal.end_stroke()
    painted = session.metal.shared.array.copy()
    from marview.volume.patch import MaskPatch

    store = AutosaveStore(tmp_path / "autosave")
    from dataclasses import replace

    work = replace(session.safekeeping.work(), origin=session.metal.recipe.text, time="2026-03-04T05:06:07+00:00")
    store.write(work, MaskPatch.between(np.zeros_like(painted), painted))
    for lock in store._locks.values():
        lock.close()
    return painted


@pytest.mark.parametrize("is_restored", [True, False])
def test_a_new_window_offers_what_a_killed_one_left(
    left, make_window, worker, fakes, qtbot, tmp_path: Path, is_restored: bool
) -> None:
    listings = [fakes.listing(tmp_path)]
    folder = tmp_path / "autosave"
    window = make_window(make_worker=lambda: worker, listings=lambda: listings, autosaves=folder)
    qtbot.waitUntil(window.questions.isVisible, timeout=20_000)
    asked = window.questions.text.text()
    assert asked.startswith("marview closed unexpectedly. The autosave of “small” from ")
    assert asked.endswith(" contains the metal mask (adaptive, edited by hand). Restore it?")
    button = window.questions.yes if is_restored else window.questions.no
    assert button.text() == ("Restore" if is_restored else "Discard")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert not window.questions.isVisible()
    metal = window.session.metal
    if is_restored:
        qtbot.waitUntil(lambda: "edited by hand" in metal.recipe.text, timeout=20_000)
        np.testing.assert_array_equal(metal.shared.array, left)
        qtbot.waitUntil(window.side.metal.slider.isHidden)
    else:
        assert not list(folder.glob("*.mask"))
