"""Another series as a pane of the comparison: linked by its frame of reference, or by an offset."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid
from marview.session.beside import section
from marview.session.display import Layout
from marview.volume.volume import Volume

SHAPE = (6, 40, 48)
SPACING = (3.0, 1.0, 1.0)


def phantom(shape=SHAPE, shift: int = 0) -> np.ndarray:
    """Its HU tell its slice and its column."""
    z, _, x = np.indices(shape)
    return (100 * (z + shift) + x).astype(np.int16)


def grid(shape=SHAPE, spacing=SPACING, origin=(0.0, 0.0, 0.0), frame: str = "1.2.3") -> Grid:
    made = Grid.from_spacing(shape, spacing)
    affine = made.affine.copy()
    affine[:3, 3] = origin
    return replace(made, affine=affine, frame_of_reference_uid=frame)


# -- the section


def test_a_series_on_the_same_grid_is_shown_as_it_is() -> None:
    volume = Volume(phantom(), grid())
    assert section(volume, grid(), 4, np.zeros(3)) is not None
    np.testing.assert_array_equal(section(volume, grid(), 4, np.zeros(3)), volume.hu[4])


def test_another_grid_in_the_same_frame_shows_the_same_place() -> None:
    finer = grid((12, 80, 96), (1.5, 0.5, 0.5))
    z, _, x = np.indices(finer.shape)
    volume = Volume((50 * z + 10 * x).astype(np.int16), finer)
    shown = section(volume, grid(), 3, np.zeros(3))
    np.testing.assert_allclose(shown[10:30, 5:40], np.broadcast_to(50 * 6 + 20 * np.arange(5, 40), (20, 35)), atol=1)


def test_an_offset_shifts_it_and_outside_is_marked() -> None:
    volume = Volume(phantom(), grid())
    np.testing.assert_array_equal(section(volume, grid(), 2, np.array([0.0, 0.0, 3.0])), volume.hu[3])
    assert (section(volume, grid(), 5, np.array([0.0, 0.0, 9.0])) == -1024).all()


# -- the window


@pytest.fixture
def written(tmp_path):
    """A study with the series in view, the same body scanned again in its frame, and one of another frame."""

    def write(name: str, number: int, shift: int, frame: str, patient: str = "TEST") -> None:
        labels = Labels(f"{patient}^PATIENT", patient, "A study", name)
        hu = phantom(shift=shift)
        hu[2, 15:20, 15:20] = 8000
        write_ct_series(
            hu, grid(frame=frame), tmp_path / patient / name, labels, seed=name, study_seed=f"{patient}{frame}"
        )

    write("now", 1, 0, "1.2.3")
    write("before", 2, 1, "1.2.3")
    write("elsewhere", 3, 2, "9.9.9")
    write("stranger", 4, 0, "7.7.7", patient="OTHER")
    return tmp_path


@pytest.fixture
def viewed(window, qtbot, written):
    window.session.open(written)
    session = window.session
    qtbot.waitUntil(lambda: len(session.library.entries) == 4 and session.loaded is not None, timeout=20000)
    session.library.choose(entry(window, "now"))
    qtbot.waitUntil(lambda: session.loaded.series.description == "now" and session.metal.is_found, timeout=20000)
    return window


def entry(window, name: str):
    return next(one for one in window.session.library.entries if one.series.description == name)


def lay(window, qtbot, name: str):
    window.series.beside_asked.emit(entry(window, name))
    qtbot.waitUntil(lambda: window.session.beside.other is not None, timeout=20000)
    assert window.session.view.display.layout is Layout.COMPARE
    pane = window.grid.panes["beside"]
    assert pane.isVisible()
    assert pane.title.text() == name
    return pane


def test_a_series_of_the_same_frame_is_linked_as_it_was_scanned(viewed, qtbot) -> None:
    pane = lay(viewed, qtbot, "before")
    viewed.session.view.go_to(5)
    np.testing.assert_array_equal(pane.shown.values, viewed.session.loaded.volume.hu[5] + 100)
    assert pane.note.text() == ""
    assert pane.caption.lines[0] == "Same frame of reference"
    QTest.keyClick(pane, Qt.Key.Key_Down)
    z = viewed.session.view.display.slice_index
    np.testing.assert_array_equal(pane.shown.values, viewed.session.loaded.volume.hu[z] + 100)


def test_a_series_of_another_frame_lies_by_an_offset_that_keys_change(viewed, qtbot) -> None:
    pane = lay(viewed, qtbot, "elsewhere")
    viewed.session.view.go_to(3)
    assert "offset" in pane.note.text()
    before = pane.shown.values
    QTest.keyClick(viewed, Qt.Key.Key_PageDown, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(pane.shown.values, before + 100)
    assert pane.caption.lines[0].startswith("Offset")
    QTest.keyClick(viewed, Qt.Key.Key_PageUp, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(pane.shown.values, before)


def test_a_series_of_another_patient_says_so(viewed, qtbot) -> None:
    assert lay(viewed, qtbot, "stranger").note.text() == "another patient"


def test_while_x_is_held_the_original_is_shown(viewed, qtbot) -> None:
    pane = lay(viewed, qtbot, "before")
    QTest.keyPress(pane, Qt.Key.Key_X)
    np.testing.assert_array_equal(pane.shown.values, viewed.session.original().values)
    QTest.keyRelease(pane, Qt.Key.Key_X)
    assert (pane.shown.values != viewed.session.original().values).any()


def test_it_disappears_when_removed_or_closed_or_another_series_comes_into_view(viewed, qtbot) -> None:
    pane = lay(viewed, qtbot, "before")
    viewed.actions_table["beside_clear"].trigger()
    assert not pane.isVisible()
    lay(viewed, qtbot, "before")
    viewed.session.closing.close_series(entry(viewed, "before"))
    assert viewed.session.beside.other is None
    lay(viewed, qtbot, "elsewhere")
    viewed.session.library.choose(entry(viewed, "stranger"))
    qtbot.waitUntil(lambda: viewed.session.beside.other is None, timeout=20000)


def test_the_series_in_view_is_not_laid_beside_itself(viewed, qtbot) -> None:
    viewed.series.beside_asked.emit(entry(viewed, "now"))
    assert viewed.session.beside.other is None
    assert not viewed.session.beside._reading.is_busy


def test_the_truth_of_a_demo_study_lies_beside(window, qtbot, tmp_path) -> None:
    labels = Labels("DEMO", "DEMO", "A study", "demo")
    hu = phantom()
    hu[2, 15:20, 15:20] = 8000
    write_ct_series(hu, grid(), tmp_path / "study", labels, seed="demo")
    write_ct_series(phantom(), grid(), tmp_path / "truth", labels, seed="truth")
    (tmp_path / "demo.json").write_text(json.dumps({}))
    assert not window.actions_table["beside_truth"].isEnabled()
    window.session.open(tmp_path / "study")
    qtbot.waitUntil(lambda: window.session.metal.is_present, timeout=20000)
    window.actions_table["beside_truth"].trigger()
    qtbot.waitUntil(lambda: window.session.beside.other is not None, timeout=20000)
    pane = window.grid.panes["beside"]
    window.session.view.go_to(2)
    assert pane.title.text() == "Simulated truth"
    np.testing.assert_array_equal(pane.shown.values, phantom()[2])
