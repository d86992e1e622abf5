import sys
from pathlib import Path

import numpy as np
import pytest

from marview.dicom import Outcome
from marview.session.thumbnail import EDGE_PX, shrink


@pytest.fixture
def two_series(tmp_path: Path, fakes) -> Path:
    fakes.write_series(tmp_path / "study" / "a", "First", 1)
    fakes.write_series(tmp_path / "study" / "b", "Second", 2)
    return tmp_path / "study"


def test_a_folder_is_listed_and_its_first_series_read(session, mail, two_series) -> None:
    finished = []
    session.library.finished.connect(finished.append)
    session.open(two_series)
    mail.wait_until(lambda: finished)
    assert [entry.series.description for entry in session.library.entries] == ["First", "Second"]
    assert session.library.chosen is session.library.entries[0]
    assert session.loaded.volume.hu.shape == (7, 64, 80)
    picture = session.library.entries[0].picture
    assert picture.dtype == np.uint8
    assert picture.max() > picture.min()


def test_the_middle_slice_is_shown_first_and_slices_arrive(session, mail, small_series, fakes) -> None:
    starts, arrived = [], []
    session.library.started.connect(lambda loaded: starts.append(session.view.display.slice_index))
    session.library.arrived.connect(lambda slices: arrived.extend(sorted(slices)))
    done = []
    session.library.finished.connect(done.append)
    session.open(small_series)
    mail.wait_until(lambda: done)
    assert sorted(arrived) == list(range(fakes.SHAPE[0]))
    assert session.view.display.slice_count == fakes.SHAPE[0]
    assert session.view.display.slice_index == fakes.SHAPE[0] // 2
    np.testing.assert_array_equal(session.loaded.volume.hu, fakes.volume())


def test_a_later_series_is_chosen_unless_the_user_chose_another(session, mail, two_series, fakes, tmp_path) -> None:
    done = []
    session.library.finished.connect(done.append)
    session.open(two_series)
    mail.wait_until(lambda: done)
    other = fakes.write_series(tmp_path / "other", "Third", 3)
    session.library.open(other)
    session.library.choose(session.library.entries[1])  # before the scan is answered
    mail.wait_until(lambda: len(session.library.entries) == 3 and len(done) == 2)
    assert session.library.chosen.series.description == "Second"
    assert session.loaded.series.description == "Second"


def test_neighbours(session, mail, two_series) -> None:
    done = []
    session.library.finished.connect(done.append)
    session.open(two_series)
    mail.wait_until(lambda: done)
    for step, name in ((1, "Second"), (1, "Second"), (-1, "First")):
        session.library.choose_neighbour(step)
        mail.wait_until(lambda name=name: session.loaded.series.description == name)


def test_opening_again_lists_nothing_twice(session, mail, two_series) -> None:
    done = []
    session.library.finished.connect(done.append)
    session.open(two_series)
    mail.wait_until(lambda: done)
    session.open(two_series)
    mail.wait_until(lambda: len(done) == 2)
    assert len(session.library.entries) == 2


@pytest.mark.parametrize("name", ["empty", "missing", "text"])
def test_an_unreadable_path_gives_a_message_and_the_open_series_stays(opened, mail, said, tmp_path, name) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "notes.txt").write_text("no DICOM here")
    before = opened.loaded
    opened.open(tmp_path / name)
    mail.wait_until(lambda: said)
    assert name in said[-1]
    assert said[-1].endswith(".")
    assert opened.loaded is before


def test_a_series_whose_images_are_all_damaged_leaves_no_empty_view(session, mail, said, fakes, tmp_path) -> None:
    emptied = []
    session.library.emptied.connect(lambda: emptied.append(session.loaded))
    session.open(fakes.damage_every_image(fakes.write_series(tmp_path / "bad", "Bad")))
    mail.wait_until(lambda: said)
    assert "No slice of the series can be read" in said[-1]
    assert emptied == [None]
    assert (session.loaded, session.library.chosen) == (None, None)
    (entry,) = session.library.entries
    assert entry.report.outcome is Outcome.REFUSES
    session.library.choose(entry)
    assert (len(said), said[0]) == (2, said[1])


def test_the_view_returns_from_a_damaged_series_to_the_one_before(opened, mail, said, fakes, tmp_path) -> None:
    before = opened.library.chosen.key
    opened.metal.set_threshold(2000.0)
    mail.wait_until(lambda: opened.metal.recipe.threshold_hu == 2000.0)
    opened.open(fakes.damage_every_image(fakes.write_series(tmp_path / "bad", "Bad")))
    mail.wait_until(lambda: said and opened.loaded is not None and opened.series.hu is not None)
    assert opened.library.chosen.key == before
    assert opened.loaded.series.description == "Small series"
    assert opened.metal.recipe.threshold_hu == 2000.0


def test_without_memory_for_a_series_the_one_in_view_stays(opened, mail, said, fakes, tmp_path, monkeypatch) -> None:
    chosen, loaded = opened.library.chosen, opened.loaded
    monkeypatch.setattr(sys.modules["marview.dicom.read"], "available_bytes", lambda: 10)
    opened.open(fakes.write_series(tmp_path / "other", "Other"))
    mail.wait_until(lambda: said)
    assert "not enough memory" in said[-1]
    assert (opened.library.chosen, opened.loaded) == (chosen, loaded)
    assert all(entry.report.is_volume for entry in opened.library.entries)


def test_a_thumbnail_is_small_and_grey() -> None:
    hu = np.full((512, 400), -1000, np.int16)
    hu[100:300] = 3000
    small = shrink(hu)
    assert max(small.shape) <= EDGE_PX
    assert (small.min(), small.max()) == (0, 255)
    assert shrink(np.zeros((5, 3), np.int16)).shape == (5, 3)
