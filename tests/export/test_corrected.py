"""A result is written in every format; the contents of derived series are tested in tests/dicom."""

import errno
import json
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from marview import dicom, export
from marview.dicom.make import Labels, write_ct_series
from marview.errors import BadInput, UsageError
from marview.export import CannotWrite, Corrected, Format
from marview.geometry import Grid
from marview.volume.provenance import Provenance
from marview.volume.window import HuWindow

SOFT = HuWindow(400.0, 40.0)


@pytest.fixture
def corrected(tmp_path: Path) -> Corrected:
    """Four slices without the third one; 5 HU are added everywhere."""
    hu = np.random.default_rng(2).integers(-200, 3000, (4, 16, 12)).astype(np.int16)
    folder = tmp_path / "source"
    labels = Labels("NO^ONE", "N", "A study", "Small")
    write_ct_series(hu, Grid.from_spacing(hu.shape, (2.0, 1.0, 1.0)), folder, labels, seed="small")
    sorted(folder.iterdir())[2].unlink()
    source = dicom.open_series(folder)
    assert source.gaps == (2,)
    record = Provenance(
        method_id="li",
        method_title="LI",
        method_version="1",
        parameters={"sigma_mm": 2.0},
        mask_origin="adaptive",
        device="cpu",
        seconds=1.0,
        application_version="0",
        time="2026-01-01T00:00:00+00:00",
    )
    return Corrected(source, np.full(hu.shape, 5.0, np.float32), hu > 2500, record)


def test_missing_slices_are_missing_in_every_format_that_has_slices(corrected: Corrected, tmp_path: Path) -> None:
    series = export.write_corrected(corrected, Format.DICOM, tmp_path / "d", window=SOFT)
    assert len(series) == 3
    pictures = export.write_corrected(corrected, Format.PNG, tmp_path / "p", window=SOFT)
    assert [path.name for path in pictures] == ["slice_00004.png", "slice_00003.png", "slice_00001.png"]


def test_nifti_is_volume_mask_and_record(corrected: Corrected, tmp_path: Path) -> None:
    volume, mask, record = export.write_corrected(corrected, Format.NIFTI, tmp_path / "n", window=SOFT)
    np.testing.assert_array_equal(
        np.asarray(nib.load(volume).dataobj).transpose(2, 1, 0), corrected.source.volume.hu + 5
    )
    np.testing.assert_array_equal(np.asarray(nib.load(mask).dataobj).transpose(2, 1, 0), corrected.mask)
    assert json.loads(record.read_text())["parameters"] == {"sigma_mm": 2.0}
    assert json.loads(record.read_text())["notes"] == ["Missing or unreadable slices (2) are written as -1024 HU."]


@pytest.mark.parametrize("format_", list(Format))
def test_a_full_disk_message_names_the_users_folder(
    corrected: Corrected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: Format
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CannotWrite, match="out cannot be written: the disk is full") as refusal:
        export.write_corrected(corrected, format_, tmp_path / "out", window=SOFT)
    assert ".part-" not in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_early_refusals_come_before_the_work(corrected: Corrected, tmp_path: Path) -> None:
    export.refuse_up_front(corrected.source, Format.DICOM, tmp_path / "new" / "deeper")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    with pytest.raises(UsageError, match="is not empty"):
        export.refuse_up_front(corrected.source, Format.PNG, tmp_path / "source")
    path = export.write_nifti(tmp_path / "v.nii", corrected.source.volume.hu, corrected.source.volume.grid)
    with pytest.raises(BadInput, match="Write the result as NIfTI"):
        export.refuse_up_front(dicom.open_series(path), Format.DICOM, tmp_path / "out")


def test_pictures_that_do_not_fit_on_the_disk_are_refused_before_the_work(
    corrected: Corrected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each picture takes whole blocks of the disk."""
    usage = SimpleNamespace(free=4096 * len(corrected.source.volume.hu))
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(export.CannotWrite, match="needs 1 MB, but the disk has only 0 MB left"):
        export.refuse_up_front(corrected.source, Format.PNG, tmp_path / "pictures")
