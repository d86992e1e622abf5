"""The window says what a person must know about a series once, when it comes into view."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom import dcmread

from marview.dicom import Kind, Outcome


def change(folder: Path, kind: Kind) -> Path:
    """Give a series a finding."""
    files = sorted(folder.iterdir())
    if kind is Kind.MISSING_SLICE:
        files[3].unlink()
    elif kind is Kind.DAMAGED:
        files[3].write_bytes(files[3].read_bytes()[:2000])
    elif kind is Kind.PASSED_OVER:
        (folder / "dangling").symlink_to(folder / "nowhere")
    else:
        for number, path in enumerate(files):
            dataset = dcmread(path)
            if kind is Kind.SEVERAL_PATIENTS and number % 2:
                dataset.PatientID = "T2"
            elif kind is Kind.LOSSY:
                dataset.LossyImageCompression = "01"
            elif kind is Kind.NOT_HU:
                dataset.RescaleType = "US"
            dataset.save_as(path)
    return folder


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.MISSING_SLICE, "A slice is missing between slice_00003.dcm and slice_00005.dcm"),
        (Kind.DAMAGED, "slice_00004.dcm is truncated"),
        (Kind.PASSED_OVER, "1 dangling link. The series may be missing slices; copy the files again."),
        (Kind.SEVERAL_PATIENTS, "Check which patient this series belongs to."),
    ],
)
def test_missing_damaged_and_foreign_images_give_messages(session, mail, said, fakes, tmp_path, kind, words) -> None:
    done = []
    session.library.finished.connect(done.append)
    session.open(change(fakes.write_series(tmp_path / "study"), kind))
    mail.wait_until(lambda: done)
    assert words in said[-1]


@pytest.mark.parametrize("kind", [Kind.LOSSY, Kind.NOT_HU])
def test_a_mark_is_enough_for_the_rest(session, mail, said, fakes, tmp_path, kind) -> None:
    done = []
    session.library.finished.connect(done.append)
    session.open(change(fakes.write_series(tmp_path / "study"), kind))
    mail.wait_until(lambda: done)
    (entry,) = session.library.entries
    assert kind in [finding.kind for finding in entry.report.findings]
    assert said == []
    assert (entry.report.outcome is Outcome.VIEWS) == bool(session.refusal and kind is Kind.NOT_HU)


def test_the_alert_appears_once_for_each_series(session, mail, said, fakes, tmp_path) -> None:
    done = []
    session.library.finished.connect(done.append)
    change(fakes.write_series(tmp_path / "study" / "a", "First", 1), Kind.MISSING_SLICE)
    change(fakes.write_series(tmp_path / "study" / "b", "Second", 2), Kind.MISSING_SLICE)
    session.open(tmp_path / "study")
    for number in range(1, 4):
        mail.wait_until(lambda number=number: len(done) == number)
        session.library.choose(session.library.entries[number % 2])
    assert len(said) == 2


def test_a_file_without_a_position_gives_a_message(session, mail, said, tmp_path) -> None:
    values = np.full((32, 32, 4), -1000, np.int16)
    values[8:24, 8:24] = 40
    nib.save(nib.Nifti1Image(values, None), tmp_path / "v.nii")
    done = []
    session.library.finished.connect(done.append)
    session.open(tmp_path / "v.nii")
    mail.wait_until(lambda: done)
    assert "left and right may be swapped" in said[-1]
