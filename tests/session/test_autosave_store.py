"""The files of autosaves: exact, bounded, private, and damaged ones removed."""

import json
import os
import time

import numpy as np
import pytest

from marview.geometry import Grid
from marview.session import autosave_store
from marview.session.autosave_store import AutosaveStore
from marview.session.measure_record import measure_of, record_of
from marview.session.measured_plane import MeasuredPlane
from marview.session.measurement import Kind, Measure
from marview.volume.across import Section, Slab
from tests.session.autosaves import SHAPE, leave, patch, work


@pytest.fixture
def make_store(tmp_path):
    made: list[AutosaveStore] = []

    def make() -> AutosaveStore:
        made.append(AutosaveStore(tmp_path))
        return made[-1]

    yield make
    for store in made:
        for lock in store._locks.values():
            lock.close()


def test_an_autosave_returns_bit_for_bit_after_its_process_ended(make_store, tmp_path) -> None:
    mine, other = make_store(), make_store()
    mine.write(work(method="nmar", parameters={"sigma_mm": 2.5}), patch())
    assert mine.found() == other.found() == []
    for lock in mine._locks.values():
        lock.close()
    (saved,) = other.found()
    np.testing.assert_array_equal(saved.mask, np.random.default_rng(0).random(SHAPE) > 0.5)
    assert saved.work.parameters == {"sigma_mm": 2.5}
    assert make_store().found() == [], "another window has taken hold of it"
    other.discard(saved.id)
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_a_session_leaves_what_it_only_found(make_store, tmp_path) -> None:
    leave(tmp_path)
    store = make_store()
    store.write(work(), patch(1))
    assert len(store.found()) == 1
    store.close()
    assert [path.suffix for path in tmp_path.iterdir()] == [".mask"]
    (again,) = make_store().found()
    np.testing.assert_array_equal(again.mask, np.random.default_rng(0).random(SHAPE) > 0.5)


def test_a_restored_autosave_keeps_its_file(make_store, tmp_path) -> None:
    leave(tmp_path)
    store = make_store()
    (saved,) = store.found()
    store.adopt(saved)
    store.write(work(origin="later"), patch(2))
    assert len(list(tmp_path.glob("*.mask"))) == 1
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_they_are_bounded_in_number_size_and_age(make_store, tmp_path, monkeypatch) -> None:
    for seed in range(10):
        leave(tmp_path, seed, origin=str(seed))
        file = next(path for path in tmp_path.glob("*.mask") if f'"origin": "{seed}"'.encode() in path.read_bytes())
        os.utime(file, (time.time() - 100 + seed,) * 2)
    store = make_store()
    assert [saved.work.origin for saved in store.found()] == [str(seed) for seed in range(9, 1, -1)]
    store.close()
    monkeypatch.setattr(autosave_store, "MOST_BYTES", 1500)
    store = make_store()
    assert 0 < len(store.found()) < 5
    store.close()
    for path in tmp_path.glob("*.mask"):
        os.utime(path, (0, 0))
    assert make_store().found() == []
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_are_passed_over_and_removed(make_store, tmp_path) -> None:
    leave(tmp_path)
    (file,) = tmp_path.glob("*.mask")
    whole = file.read_bytes()
    for number, data in enumerate((whole[:-3], whole[:40], b"", whole.replace(b'"box": [[0, 4]', b'"box": [[0, 9]'))):
        (tmp_path / f"{number}.mask").write_bytes(data)
    assert len(make_store().found()) == 1
    assert list(tmp_path.glob("*.mask")) == [file]


def test_a_measurement_in_a_section_survives_a_round_trip() -> None:
    grid = Grid.from_spacing((4, 9, 8), (2.0, 1.0, 1.0))
    section = Section(
        grid, np.array([1.0, 2, 3]), np.array([1.0, 0, 0]), np.array([0, 0, -1.0]), 1, 4, (2.0, 1.0), (4, 8)
    )
    made = Measure(3, Kind.ANGLE, 2, ((0.0, 1.0), (2.0, 3.0), (4.0, 5.5)), MeasuredPlane(section, Slab.MIP, 10.0))
    again = measure_of(json.loads(json.dumps(record_of(made))), grid)
    assert (again.number, again.kind, again.slice_index, again.points) == (3, Kind.ANGLE, 2, made.points)
    assert again.plane.title == made.plane.title
    assert again.plane.shift_to(made.plane) == (0.0, 0.0)


def test_names_of_files_tell_nothing(make_store, tmp_path) -> None:
    leave(tmp_path, path="/data/CANARY^NAME/study", key="CANARY")
    assert all("CANARY" not in path.name for path in tmp_path.iterdir())
    (file,) = tmp_path.glob("*.mask")
    assert file.stat().st_mode & 0o077 == 0
