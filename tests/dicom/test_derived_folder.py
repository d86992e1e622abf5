"""A derived series is written completely or not at all, and overwrites nothing."""

import os
from pathlib import Path

import numpy as np
import pytest

from marview import dicom
from marview.dicom import write_derived_series
from marview.errors import BadInput, UsageError
from tests.dicom.derived import HOW


def untouched(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_that_holds_something_is_not_overwritten(loaded, correction, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    before = untouched(tmp_path)
    with pytest.raises(UsageError, match="not empty"):
        write_derived_series(loaded, correction, HOW, tmp_path / "out")
    assert untouched(tmp_path) == before
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"


def test_an_empty_folder_is_used(loaded, correction, tmp_path):
    (tmp_path / "out").mkdir()
    write_derived_series(loaded, correction, HOW, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_a_full_disk_leaves_nothing_behind(loaded, correction, tmp_path, monkeypatch):
    import errno

    from marview.dicom import derive

    written = []

    def full(path, data):
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        path.write_bytes(data)

    monkeypatch.setattr(derive, "write_flushed", full)
    before = untouched(tmp_path)
    with pytest.raises(BadInput, match="disk is full"):
        write_derived_series(loaded, correction, HOW, tmp_path / "out")
    assert untouched(tmp_path) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_target_is_refused(loaded, correction, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(BadInput, match="do not have permission to write"):
        write_derived_series(loaded, correction, HOW, tmp_path / "locked" / "out")


def test_a_wrong_write_is_found_on_reading_back(loaded, correction, tmp_path, monkeypatch):
    from marview.dicom import derive

    def wrong(path, data):
        path.write_bytes(data[:-2] + b"\xff\x0f")

    monkeypatch.setattr(derive, "write_flushed", wrong)
    with pytest.raises(BadInput, match="not written correctly"):
        write_derived_series(loaded, correction, HOW, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_cancelling_leaves_nothing_behind(loaded, correction, tmp_path):
    seen = []
    before = untouched(tmp_path)
    with pytest.raises(dicom.Cancelled):
        write_derived_series(
            loaded, correction, HOW, tmp_path / "out", on_slice=seen.append, is_cancelled=lambda: len(seen) == 2
        )
    assert untouched(tmp_path) == before


def test_a_source_that_changed_since_is_refused(loaded, correction, tmp_path):
    # also shorter: the message must say that the file changed, not that pixels are missing
    (tmp_path / "series" / "001.dcm").write_bytes((tmp_path / "series" / "000.dcm").read_bytes()[:-2])
    with pytest.raises(BadInput, match=r"001\.dcm has changed"):
        write_derived_series(loaded, correction, HOW, tmp_path / "out")


def test_a_correction_that_is_not_finite_is_refused(loaded, correction, tmp_path):
    correction[0, 0, 0] = np.nan
    with pytest.raises(BadInput, match="non-finite"):
        write_derived_series(loaded, correction, HOW, tmp_path / "out")


def test_a_source_without_uids_is_refused(slices, save, tmp_path):
    for dataset in slices:
        dataset.StudyInstanceUID = ""
    loaded = dicom.open_series(save(slices))
    with pytest.raises(BadInput, match="does not have all three UIDs"):
        write_derived_series(loaded, np.zeros(loaded.volume.hu.shape, np.float32), HOW, tmp_path / "out")
