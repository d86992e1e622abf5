"""Nothing is lost: results, masks, undo and sweeps stay with their series."""

import gc
import tempfile
from pathlib import Path

import numpy as np
import pytest

from marview.errors import BadInput
from marview.export import Format
from marview.mar import SharedArray
from marview.mar.scratch import roomiest, scratch
from marview.session.display import SOFT_TISSUE
from marview.session.plane_store import PlaneStore
from marview.session.sensitivity_choice import SweepChoice
from marview.volume.brush import Brush


def ended(session, mail) -> None:
    mail.wait_until(lambda: session.runs.job and not session.runs.is_running)


@pytest.fixture
def two(opened, mail, fakes, tmp_path):
    """A session with the small series in view, and another one in the list."""
    small = opened.library.chosen
    opened.open(fakes.write_series(tmp_path / "other", "Other", 9))
    mail.wait_until(lambda: opened.loaded.series.description == "Other" and not opened.refusal)
    choose(opened, mail, small.series.description)
    return opened


def choose(session, mail, description: str) -> None:
    entry = next(one for one in session.library.entries if one.series.description == description)
    session.library.choose(entry)
    mail.wait_until(lambda: session.loaded.series.description == description and not session.refusal)


def paint(session) -> None:
    session.metal.begin_stroke()
    session.metal.stamp((5, 20, 20), (5, 20, 30), Brush(radius_mm=3.0))
    session.metal.end_stroke()


def test_results_stay_with_their_series(two, mail) -> None:
    two.reduce()
    ended(two, mail)
    result = two.result
    choose(two, mail, "Other")
    assert two.result is None
    assert two.results == []
    choose(two, mail, "Small series")
    assert two.result is result
    assert two.results == [result]
    assert (two.corrected().values == two.original().values + 10).all()


def test_the_mask_and_its_undo_stay_with_their_series(two, mail) -> None:
    found = two.metal.mask.array.copy()
    paint(two)
    painted, recipe = two.metal.mask.array.copy(), two.metal.recipe
    two.view.go_to(5)
    choose(two, mail, "Other")
    np.testing.assert_array_equal(two.metal.mask.array, found)  # the same body, with its metal found again
    assert not two.metal.can_undo
    choose(two, mail, "Small series")
    np.testing.assert_array_equal(two.metal.mask.array, painted)
    assert two.metal.recipe == recipe
    assert two.view.display.slice_index == 5
    two.undo()
    np.testing.assert_array_equal(two.metal.mask.array, found)
    two.redo()
    np.testing.assert_array_equal(two.metal.mask.array, painted)


def test_a_margin_set_after_coming_back_grows_the_mask_that_was_painted(two, mail) -> None:
    paint(two)
    painted = two.metal.mask.array.copy()
    choose(two, mail, "Other")
    choose(two, mail, "Small series")
    two.metal.set_margin(1.0)
    mail.wait_until(lambda: not two.metal.is_busy)
    grown = two.metal.mask.array
    assert grown[painted].all()
    assert grown.sum() > painted.sum()


def test_a_sweep_stays_with_its_series(two, mail) -> None:
    two.sweep(SweepChoice(("fake",), (0.0, 1.0)))
    mail.wait_until(lambda: two.sensitivity.swept is not None)
    swept, variant = two.sensitivity.swept, two.sensitivity.variant
    choose(two, mail, "Other")
    assert two.sensitivity.swept is None
    choose(two, mail, "Small series")
    assert two.sensitivity.swept is swept
    assert two.sensitivity.variant == variant


def test_a_run_continues_while_another_series_is_in_view(two, mail, worker) -> None:
    worker.gate.clear()
    two.reduce()
    mail.wait_until(lambda: two.result.done)
    result = two.result
    choose(two, mail, "Other")
    assert two.runs.is_running
    assert two.result is None
    worker.gate.set()
    ended(two, mail)
    assert two.result is None
    assert result.is_complete
    choose(two, mail, "Small series")
    assert two.result is result


def test_unsaved_work_of_every_series_is_named(two, mail) -> None:
    assert two.unsaved == []
    paint(two)
    two.reduce()
    ended(two, mail)
    choose(two, mail, "Other")
    assert two.unsaved == [
        "Fake method of Small series, not exported",
        "the metal mask of Small series, edited by hand and not exported",
    ]


def test_exported_work_is_not_unsaved(opened, mail, tmp_path) -> None:
    paint(opened)
    opened.reduce()
    ended(opened, mail)
    opened.mask_files.write(tmp_path / "mask.nii.gz", opened.loaded)
    mail.wait_until(lambda: not opened.metal.is_unsaved)
    assert opened.unsaved == ["Fake method of Small series, not exported"]
    opened.undo()
    assert not opened.metal.is_unsaved
    opened.result.is_exported = True
    paint(opened)
    assert opened.unsaved == ["the metal mask of Small series, edited by hand and not exported"]


def test_an_unfinished_run_is_unsaved(opened, mail, worker) -> None:
    worker.gate.clear()
    opened.reduce()
    assert opened.unsaved == ["the unfinished run of Fake method on Small series"]
    worker.gate.set()
    ended(opened, mail)


def test_results_beyond_the_limit_lie_on_disk_and_are_the_same(opened, mail) -> None:
    opened.kept_results.store = PlaneStore(most_bytes=3 * opened.loaded.volume.hu[0].size * 4)
    for _ in range(3):
        opened.reduce()
        ended(opened, mail)
    first, _, last = (result.settled_correction() for result in opened.results)
    assert all((first[z] == last[z]).all() for z in range(last.shape[0]))
    assert [len(temporary_planes()), first[2].any()] == [6, True]
    opened.kept_results.drop(opened.kept.series)
    del first, _, last
    assert not temporary_planes()


def temporary_planes() -> list[Path]:
    return list(scratch(Path(tempfile.gettempdir())).glob("*.plane"))


def test_a_slice_whose_file_is_gone_counts_as_missing_and_is_not_exported(opened, mail, tmp_path) -> None:
    opened.kept_results.store = PlaneStore(most_bytes=0)
    opened.reduce()
    ended(opened, mail)
    for file in temporary_planes():
        file.unlink()
    states = []
    opened.exports.changed.connect(states.append)
    opened.exports.begin(opened.loaded, opened.result, SOFT_TISSUE, Format.NIFTI, tmp_path / "out")
    mail.wait_until(lambda: states and states[-1].is_over)
    assert "cannot be read" in states[-1].sentence
    assert not (tmp_path / "out").exists()
    hu = opened.loaded.volume.hu[3]
    np.testing.assert_array_equal(opened.result.corrected(hu, 3), hu)
    assert 3 in opened.result.missing
    assert "Run the method again" in opened.result.notes[-1]


def test_sixty_results_hold_no_descriptors_and_no_shared_memory(opened, mail) -> None:
    def held() -> tuple[int, int]:
        gc.collect()
        descriptors = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0
        places = (scratch(roomiest(1)), scratch(Path(tempfile.gettempdir())))
        return descriptors, sum(len(list(place.iterdir())) for place in set(places))

    opened.reduce()
    ended(opened, mail)
    held()  # makes the folder of temporary files, with its lock
    before = held()
    for _ in range(60):
        opened.reduce()
        ended(opened, mail)
    assert len(opened.results) == 61
    # not equal, because memory of an earlier test may be released after the first count
    mail.wait_until(lambda: all(now <= then for now, then in zip(held(), before, strict=True)))


def test_a_run_without_room_for_its_arrays_is_refused(opened, mail, said, monkeypatch) -> None:
    def full(shape, dtype, **_):
        raise BadInput("There is no room for an array of 1 MB.")

    monkeypatch.setattr(SharedArray, "create", full)
    opened.reduce()
    mail.wait_until(lambda: not opened.runs.is_running)
    assert said == ["There is no room for an array of 1 MB."]
    assert opened.result is None
    assert not opened.runs.is_running
