"""Autosave and recovery in a session: masks, measurements and settings survive a crash."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from marview.session.measurement import Kind
from marview.session.messages import Question
from marview.session.session import Session
from marview.session.settings import Settings
from marview.volume.brush import Brush
from tests.session.autosaves import leave


@pytest.fixture
def make_session(mail, worker, fakes, tmp_path):
    made: list[Session] = []

    def make() -> Session:
        listings = [fakes.listing(tmp_path), fakes.listing(tmp_path, "other", "Other method")]
        session = Session(
            mail.post,
            Settings(),
            make_worker=lambda: worker,
            listings=lambda: listings,
            autosaves=tmp_path / "autosave",
        )
        session.methods.look()
        made.append(session)
        return session

    yield make
    for session in made:
        session.close()


def paint(session: Session) -> None:
    metal = session.metal
    metal.begin_stroke()
    metal.stamp((1, 10.0, 10.0), (1, 12.0, 30.0), Brush(radius_mm=3))
    metal.end_stroke()


def files(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "autosave").glob("*.mask"))


def choose(session, mail, description: str) -> None:
    entry = next(one for one in session.library.entries if one.series.description == description)
    session.library.choose(entry)
    mail.wait_until(lambda: session.loaded.series.description == description and not session.refusal)


def test_work_on_every_listed_series_is_kept_and_offered(make_session, mail, small_series, fakes, tmp_path) -> None:
    """Masks and measurements of a series that is not in view survive a crash too."""
    first = make_session()
    first.open(small_series, fakes.write_series(tmp_path / "other", "Other", 9))
    mail.wait_until(lambda: first.metal.is_present)
    here = first.loaded.series.description
    there = "Other" if here == "Small series" else "Small series"
    paint(first)
    painted = first.metal.mask.array.copy()
    first.measures.add(Kind.LENGTH, 3, ((0.0, 0.0), (3.0, 4.0)))
    choose(first, mail, there)
    first.measures.add(Kind.PROBE, 1, ((1.0, 2.0),))
    first.safekeeping.autosave.save_soon()
    mail.wait_until(lambda: len(files(tmp_path)) == 2)
    mail.wait_until(lambda: first.safekeeping.autosave._kept == first.safekeeping.autosave._version)
    for lock in first.safekeeping.autosave._store._locks.values():
        lock.close()
    first.safekeeping.autosave._store._own.clear()  # like after a kill

    asked: list[Question] = []
    second = make_session()
    second.messages.asked.connect(asked.append)
    second.safekeeping.recovery.look()
    sentences = []
    for number in (1, 2):
        mail.wait_until(lambda number=number: len(asked) == number)
        sentences.append(asked[-1].sentence)
        asked[-1].answer(True)
        mail.wait_until(lambda number=number: len(second.library.entries) == number)
        mail.wait_until(lambda: not second.refusal and second.measures.listed and not second.metal.is_busy)
    assert any(sentence.endswith(" contains 1 measurement. Restore it?") for sentence in sentences)
    assert any(sentence.endswith("edited by hand) and 1 measurement. Restore it?") for sentence in sentences)
    choose(second, mail, here)
    mail.wait_until(lambda: not second.metal.is_busy)
    np.testing.assert_array_equal(second.metal.mask.array, painted)
    assert second.measures.listed[0].length_mm == 5


def test_a_mask_is_kept_under_its_own_series_while_another_one_is_read(
    make_session, mail, small_series, fakes, tmp_path
) -> None:
    session = make_session()
    session.open(small_series, fakes.write_series(tmp_path / "other", "Other", 9))
    mail.wait_until(lambda: session.metal.is_present and not session.refusal)
    here, before = session.loaded.series.description, session.library.chosen.key
    session.library.choose(next(one for one in session.library.entries if one.series.description != here))
    paint(session)
    session.safekeeping.autosave.save_soon()
    assert session.safekeeping.autosave._seen.work.key == before


def test_a_closed_series_leaves_no_autosave(make_session, mail, small_series, fakes, tmp_path) -> None:
    session = make_session()
    session.open(small_series, fakes.write_series(tmp_path / "other", "Other", 9))
    mail.wait_until(lambda: session.metal.is_present and not session.refusal)
    paint(session)
    session.safekeeping.autosave.save_soon()
    mail.wait_until(lambda: files(tmp_path))
    session.closing.close_at_once(session.library.chosen)
    mail.wait_until(lambda: not session.refusal)
    session.safekeeping.autosave.save_soon()
    mail.wait_until(lambda: session.safekeeping.autosave._kept == session.safekeeping.autosave._version)
    assert files(tmp_path) == []


def test_automatic_masks_are_not_autosaved_and_painted_ones_are(make_session, mail, small_series, tmp_path) -> None:
    session = make_session()
    session.open(small_series)
    mail.wait_until(lambda: session.metal.is_present)
    session.safekeeping.autosave.save_soon()
    mail.wait_until(lambda: session.safekeeping.autosave._kept == session.safekeeping.autosave._version)
    assert files(tmp_path) == []
    paint(session)
    session.reduce()
    mail.wait_until(lambda: files(tmp_path))
    mail.wait_until(lambda: not session.runs.is_running)
    session.result.is_exported = True
    while session.metal.undo() is not None:
        continue
    session.safekeeping.autosave.save_soon()
    mail.wait_until(lambda: not files(tmp_path))
    paint(session)
    session.safekeeping.autosave.save_soon()
    mail.wait_until(lambda: files(tmp_path))
    session.close()
    assert files(tmp_path) == []


def test_an_autosave_is_offered_and_restored(make_session, mail, small_series, tmp_path) -> None:
    first = make_session()
    first.open(small_series)
    mail.wait_until(lambda: first.metal.is_present and first.methods.usable)
    paint(first)
    first.methods.choose("other")
    first.methods.set_value("other", "rounds", 5)
    first.view.go_to(1)
    first.safekeeping.autosave.save_soon()
    mail.wait_until(lambda: files(tmp_path) and first.safekeeping.autosave._kept == first.safekeeping.autosave._version)
    painted = first.metal.shared.array.copy()
    (file,) = files(tmp_path)
    kept = file.read_bytes()
    first.close()
    file.write_bytes(kept)  # as if it had been killed

    second = make_session()
    asked = []
    second.messages.asked.connect(asked.append)
    second.safekeeping.recovery.look()
    mail.wait_until(lambda: asked)
    assert "The autosave of “small” from " in asked[0].sentence
    assert "the metal mask (adaptive, edited by hand)" in asked[0].sentence
    asked[0].answer(True)
    mail.wait_until(lambda: second.metal.is_present and "edited by hand" in second.metal.recipe.text)
    np.testing.assert_array_equal(second.metal.shared.array, painted)
    assert second.view.display.slice_index == 1
    assert second.methods.current.id == "other"
    assert second.methods.values("other") == {"rounds": 5}
    assert files(tmp_path) == [file]
    second.close()
    assert files(tmp_path) == []


def test_discarded_is_discarded_and_the_next_is_asked(make_session, mail, small_series, tmp_path) -> None:
    for seed in range(2):
        leave(tmp_path / "autosave", seed, time="2026-01-02T03:04:05+00:00")
    session = make_session()
    asked = []
    session.messages.asked.connect(asked.append)
    session.safekeeping.recovery.look()
    mail.wait_until(lambda: len(asked) == 1)
    asked[0].answer(False)
    assert len(files(tmp_path)) == 1
    asked[1].answer(False)
    assert files(tmp_path) == []


def test_another_series_at_the_same_place_is_refused(make_session, mail, small_series, tmp_path) -> None:
    session = make_session()
    session.open(small_series)
    mail.wait_until(lambda: session.metal.is_present)
    key = session.library.chosen.key
    leave(tmp_path / "autosave", path=str(small_series), key=key, time="2026-01-02T03:04:05+00:00")
    said, asked = [], []
    session.messages.said.connect(said.append)
    session.messages.asked.connect(asked.append)
    session.safekeeping.recovery.look()
    mail.wait_until(lambda: asked)
    asked[0].answer(True)
    mail.wait_until(lambda: said)
    assert "has changed since the autosave" in said[-1].sentence
    assert len(files(tmp_path)) == 1


def test_a_gap_is_asked_about_before_a_run_and_once(make_session, mail, fakes, tmp_path) -> None:
    folder = fakes.write_series(tmp_path / "gappy")
    sorted(folder.iterdir())[5].unlink()
    session = make_session()
    asked, withdrawn = [], []
    session.messages.asked.connect(asked.append)
    session.messages.withdrawn.connect(withdrawn.append)
    session.open(folder)
    mail.wait_until(lambda: session.metal.is_present and session.methods.current and not session.refusal)
    session.reduce()
    assert session.runs.job is None
    assert asked[0].sentence.endswith("Correct the slices that are present?")
    session.reduce()
    assert withdrawn == asked[:1]
    asked[1].answer(False)
    assert session.runs.job is None
    session.reduce()
    asked[2].answer(True)
    mail.wait_until(lambda: session.runs.job and not session.runs.is_running)
    session.reduce()
    assert len(asked) == 3
    mail.wait_until(lambda: not session.runs.is_running)


PAINTER = """
import hashlib, os, sys, time
from pathlib import Path
from marview.gui.app import application, make_window, wait_until
from marview.session.settings import Settings
from marview.volume.across import Section, Slab
from marview.volume.brush import Brush
qt = application()
window = make_window(Settings(), keeps=True)
session = window.session
session.safekeeping.autosave._every_s = 0.2
session.safekeeping.autosave.save_soon()
session.open(Path(sys.argv[1]))
assert wait_until(lambda: session.metal.is_present, 60)
metal = session.metal
for row in range(5, 60, 5):
    metal.begin_stroke()
    metal.stamp((1, float(row), 4.0), (1, float(row), 70.0), Brush(radius_mm=1.5))
    metal.end_stroke()
folder = Path(os.environ["XDG_DATA_HOME"]) / "marview" / "autosave"
autosave = session.safekeeping.autosave
assert wait_until(lambda: autosave._kept == autosave._version and list(folder.glob("*.mask")), 30)
print(hashlib.sha256(metal.shared.array.tobytes()).hexdigest(), flush=True)
metal.begin_stroke()  # the last moment is lost
metal.stamp((2, 5.0, 5.0), (2, 50.0, 50.0), Brush(radius_mm=3))
wait_until(lambda: False, 600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_a_killed_window_loses_only_the_last_moment(make_session, mail, small_series, tmp_path) -> None:
    """A real window in another process paints and is killed; the next start offers what it painted."""
    import hashlib

    environment = os.environ | {"XDG_DATA_HOME": str(tmp_path / "data"), "QT_QPA_PLATFORM": "offscreen"}
    environment |= {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    with subprocess.Popen(
        [sys.executable, "-c", PAINTER, str(small_series)], stdout=subprocess.PIPE, text=True, env=environment
    ) as painter:
        digest = painter.stdout.readline().strip()
        painter.kill()
    assert digest
    (tmp_path / "autosave").symlink_to(tmp_path / "data" / "marview" / "autosave")
    session = make_session()
    asked = []
    session.messages.asked.connect(asked.append)
    session.safekeeping.recovery.look()
    mail.wait_until(lambda: asked)
    asked[0].answer(True)
    mail.wait_until(lambda: "edited by hand" in session.metal.recipe.text)
    assert hashlib.sha256(session.metal.shared.array.tobytes()).hexdigest() == digest
