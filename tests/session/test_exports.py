import json
from pathlib import Path

import numpy as np
import pytest

from marview.dicom import LoadedSeries, open_series
from marview.dicom.mask_file import read_mask
from marview.export import Format
from marview.session.exports import ExportState, folder_name


@pytest.fixture
def reduced(opened, mail):
    opened.reduce()
    mail.wait_until(lambda: opened.runs.job and not opened.runs.is_running)
    return opened


def export(session, mail, format_: Format, folder: Path) -> ExportState:
    states: list[ExportState] = []
    session.exports.changed.connect(states.append)
    session.exports.begin(session.loaded, session.result, session.view.display.window, format_, folder)
    mail.wait_until(lambda: states and states[-1].is_over)
    return states[-1]


def test_a_derived_series_opens_again_as_what_was_on_screen(reduced, mail, fakes, tmp_path) -> None:
    state = export(reduced, mail, Format.DICOM, tmp_path / "out")
    assert state.folder == tmp_path / "out"
    assert "7 slices" in state.sentence
    again = open_series(tmp_path / "out").volume.hu
    expected = fakes.volume()
    expected[list(fakes.METAL_SLICES)] += 10
    np.testing.assert_array_equal(again, expected)


def test_nifti_holds_volume_mask_and_record(reduced, mail, tmp_path) -> None:
    state = export(reduced, mail, Format.NIFTI, tmp_path / "out")
    assert state.folder is not None, state.sentence
    again = open_series(tmp_path / "out" / "corrected.nii.gz").volume
    reduced.view.go_to(3)
    np.testing.assert_array_equal(again.hu[3], reduced.corrected().values)
    mask = read_mask(tmp_path / "out" / "metal.nii.gz", reduced.loaded).mask
    np.testing.assert_array_equal(mask, reduced.metal.shared.array)
    assert json.loads((tmp_path / "out" / "provenance.json").read_text())["method_id"] == "fake"


def test_an_export_as_nifti_names_the_slices_without_an_image(reduced, mail, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(LoadedSeries, "gaps", (0,))
    state = export(reduced, mail, Format.NIFTI, tmp_path / "out")
    assert "written as NIfTI. Missing or unreadable slices (7) are written as -1024 HU." in state.sentence


def test_png_gives_a_picture_a_slice(reduced, mail, tmp_path) -> None:
    state = export(reduced, mail, Format.PNG, tmp_path / "out")
    assert state.folder is not None, state.sentence
    assert len(list((tmp_path / "out").glob("*.png"))) == 7


@pytest.mark.parametrize("format_", list(Format))
def test_a_folder_that_holds_something_is_refused(reduced, mail, tmp_path, format_) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep me")
    state = export(reduced, mail, format_, tmp_path / "out")
    assert state.folder is None
    assert "out" in state.sentence
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
    assert not reduced.exports.is_running


def test_the_name_of_a_folder_is_plain(reduced) -> None:
    assert folder_name(reduced.loaded, reduced.result) == "Small_series_fake"
