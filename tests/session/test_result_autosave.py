"""Results come back after a crash, like masks: bit by bit, with their record."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from marview.errors import BadInput
from marview.mar import SliceDone
from marview.session import autosave_store
from marview.session.plane_store import PlaneStore
from marview.session.result import KeptMask, Result
from marview.session.result_record import read_result, write_result
from marview.session.session import Session
from marview.session.settings import Settings

SHAPE = (5, 12, 10)


def a_result(store: PlaneStore) -> Result:
    rng = np.random.default_rng(3)
    mask = np.zeros(SHAPE, bool)
    mask[1:4, 4:6, 3:5] = True
    made = Result(
        method="nmar",
        title="Normalized MAR",
        version="1.2.0",
        parameters={"sigma_mm": 2.5},
        margin_mm=0.5,
        mask_text="adaptive",
        mask_words="adaptiv",
        slices=(2, 1, 3),
        mask=KeptMask(mask, (1, 2, 3)),
        store=store,
        series="k",
        series_title="Hip",
        notes=["A note."],
        restores_cut_off=False,
        seconds=1.5,
        report={"parameters": {"sigma_mm": 2.5}},
    )
    for z in (1, 2):
        made.take(
            SliceDone(z, 4, 0.1, 0.2, is_restored=z == 2, made_by="" if z == 2 else "LI"),
            store.keep(rng.normal(0, 50, SHAPE[1:]).astype(np.float32)),
        )
    return made


def test_a_result_comes_back_to_the_bit(tmp_path: Path) -> None:
    store = PlaneStore()
    made = a_result(store)
    write_result(made, tmp_path / "one.result")
    read = read_result(tmp_path / "one.result", store)
    for z in range(SHAPE[0]):
        np.testing.assert_array_equal(read.correction_of(z), made.correction_of(z))
        np.testing.assert_array_equal(read.mask[z], made.mask[z])
        assert read.coverage(z) is made.coverage(z)
    assert read.done == made.done
    assert [read.title_of(z) for z in (1, 2)] == ["LI in place of Normalized MAR", "Normalized MAR"]
    assert read.missing == (3,)
    assert read.provenance() == made.provenance()
    assert (read.mask.span, read.mask_words, read.series_title) == (made.mask.span, "adaptiv", "Hip")


def test_a_result_of_a_version_without_names_of_replacing_methods_is_read(tmp_path: Path) -> None:
    write_result(a_result(PlaneStore()), tmp_path / "one.result")
    head, _, rest = (tmp_path / "one.result").read_bytes().partition(b"\n")
    older = re.sub(rb', "made_by": "[^"]*"', b"", head)
    assert older != head
    (tmp_path / "one.result").write_bytes(older + b"\n" + rest)
    assert read_result(tmp_path / "one.result", PlaneStore()).title_of(1) == "Normalized MAR"


@pytest.mark.parametrize("cut", [10, 200, -1])
def test_a_damaged_file_is_refused_with_a_sentence(tmp_path: Path, cut: int) -> None:
    write_result(a_result(PlaneStore()), tmp_path / "one.result")
    whole = (tmp_path / "one.result").read_bytes()
    (tmp_path / "one.result").write_bytes(whole[:cut])
    with pytest.raises(BadInput, match=r"one\.result is damaged"):
        read_result(tmp_path / "one.result", PlaneStore())


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
@pytest.mark.parametrize("name", ["seconds", "margin_mm", "trace_fraction"])
def test_a_number_that_is_not_finite_is_refused(tmp_path: Path, name: str, number: str) -> None:
    write_result(a_result(PlaneStore()), tmp_path / "one.result")
    head, _, rest = (tmp_path / "one.result").read_bytes().partition(b"\n")
    changed = re.sub(rf'"{name}": [\d.]+', f'"{name}": {number}', head.decode(), count=1)
    assert changed != head.decode()
    (tmp_path / "one.result").write_bytes(changed.encode() + b"\n" + rest)
    with pytest.raises(BadInput, match=r"one\.result is damaged"):
        read_result(tmp_path / "one.result", PlaneStore())


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    write_result(a_result(PlaneStore()), tmp_path / "one.result")
    data = bytearray((tmp_path / "one.result").read_bytes())
    data[-50] ^= 1
    (tmp_path / "one.result").write_bytes(data)
    with pytest.raises(BadInput):
        read_result(tmp_path / "one.result", PlaneStore())


# -- in a session


@pytest.fixture
def make_session(mail, worker, fakes, tmp_path):
    made: list[Session] = []

    def make() -> Session:
        listings = [fakes.listing(tmp_path), fakes.listing(tmp_path, "other", "Other method")]
        autosaves = tmp_path / "autosave"
        session = Session(mail.post, Settings(), lambda: worker, lambda: listings, autosaves)
        session.methods.look()
        made.append(session)
        return session

    yield make
    for session in made:
        session.close()


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "autosave").glob("*.result"))


@pytest.fixture
def corrected(make_session, mail, worker, small_series, tmp_path):
    """A session with two results, both kept; another method made slice 3."""
    worker.made_by = {3: "NMAR"}
    session = make_session()
    session.open(small_series)
    mail.wait_until(lambda: session.metal.is_present and session.methods.usable and not session.refusal)
    for method in ("fake", "other"):
        session.methods.choose(method)
        session.reduce()
        mail.wait_until(lambda: not session.runs.is_running)
    mail.wait_until(lambda: len(files(tmp_path)) == 2)
    return session


def crash(session: Session, tmp_path: Path) -> None:
    """End a session so that its files stay, as if it had been killed."""
    kept = tmp_path / "kept"
    shutil.copytree(tmp_path / "autosave", kept)
    session.close()
    shutil.rmtree(tmp_path / "autosave")
    kept.rename(tmp_path / "autosave")
    for lock in (tmp_path / "autosave").glob("*.lock"):
        lock.unlink()


def offered(session: Session, mail) -> str:
    asked = []
    session.messages.asked.connect(asked.append)
    session.safekeeping.recovery.look()
    mail.wait_until(lambda: asked)
    asked[0].answer(True)
    return asked[0].sentence


def test_results_are_offered_and_come_back(corrected, make_session, mail, tmp_path) -> None:
    before = [[result.correction_of(z) for z in range(7)] for result in corrected.results]
    crash(corrected, tmp_path)
    second = make_session()
    assert offered(second, mail).endswith(" contains 2 results. Restore it?")
    mail.wait_until(lambda: len(second.results) == 2)
    assert [result.title_of(2) for result in second.results] == ["Fake method", "Other method"]
    assert [result.title_of(3) for result in second.results] == [
        "NMAR in place of Fake method",
        "NMAR in place of Other method",
    ]
    assert second.result is second.results[-1]
    for result, planes in zip(second.results, before, strict=True):
        for z, plane in enumerate(planes):
            np.testing.assert_array_equal(result.correction_of(z), plane)
    assert len(second.unsaved) == 2
    before = second.safekeeping.autosave._kept
    second.safekeeping.autosave.save_soon()
    mail.wait_until(lambda: second.safekeeping.autosave._kept > before)
    assert len(files(tmp_path)) == 2
    second.close()
    assert not list((tmp_path / "autosave").iterdir())


def test_a_damaged_result_leaves_the_others_alone(corrected, make_session, mail, tmp_path) -> None:
    crash(corrected, tmp_path)
    first = min(files(tmp_path), key=lambda path: path.stat().st_mtime)
    first.write_bytes(first.read_bytes()[:-9])
    second = make_session()
    said = []
    second.messages.said.connect(said.append)
    offered(second, mail)
    mail.wait_until(lambda: len(second.results) == 1)
    assert any("cannot be restored" in message.sentence for message in said)


def test_an_exported_result_and_a_closed_series_are_kept_no_longer(corrected, mail, tmp_path) -> None:
    corrected.results[0].is_exported = True
    corrected.safekeeping.autosave.save_soon()
    mail.wait_until(lambda: len(files(tmp_path)) == 1)
    corrected.closing.close_at_once(corrected.library.entries[0])
    mail.wait_until(lambda: not files(tmp_path))


def test_a_result_of_a_series_that_is_not_in_view_is_kept(corrected, worker, mail, fakes, tmp_path) -> None:
    worker.gate.clear()
    corrected.methods.choose("fake")
    corrected.methods.set_value("fake", "rounds", 5)
    corrected.reduce()
    corrected.open(fakes.write_series(tmp_path / "other", "Another series", 9))
    mail.wait_until(lambda: corrected.loaded.series.description == "Another series" and not corrected.refusal)
    worker.gate.set()
    mail.wait_until(lambda: not corrected.runs.is_running and len(files(tmp_path)) == 3)


def test_results_are_bounded_in_size_the_oldest_go_first(corrected, mail, tmp_path, monkeypatch) -> None:
    newest = max(files(tmp_path), key=lambda path: path.stat().st_mtime)
    monkeypatch.setattr(autosave_store, "MOST_RESULT_BYTES", newest.stat().st_size + 10)
    corrected.safekeeping.autosave._store._bound_results()
    assert files(tmp_path) == [newest]


def test_files_of_results_are_readable_by_their_user_alone(corrected, tmp_path) -> None:
    assert all(path.stat().st_mode & 0o077 == 0 for path in files(tmp_path))
