"""Files that were read, and folders of series that were read, are never written."""

import os
from pathlib import Path

import pytest

from marview.dicom.atomic import check_file, check_place, whole_file, whole_folder
from marview.dicom.source import open_regular
from marview.errors import UsageError
from marview.originals import note_series, refuse_original


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A file that was read, in its own folder."""
    path = tmp_path / "archive" / "scan.nii.gz"
    path.parent.mkdir()
    path.write_bytes(b"what a scanner wrote")
    with open_regular(path) as stream:
        stream.read()
    return path


def ways_to(path: Path, aside: Path) -> list[Path]:
    """Other names of a file: a link to it, a link to its folder, a hard link, a detour and a relative path."""
    (aside / "link.nii.gz").symlink_to(path)
    (aside / "folder").symlink_to(path.parent)
    os.link(path, aside / "hard.nii.gz")
    relative = Path(os.path.relpath(path))
    return [
        path,
        aside / "link.nii.gz",
        aside / "folder" / path.name,
        aside / "hard.nii.gz",
        path.parent / ".." / path.parent.name / path.name,
        relative,
    ]


def test_a_file_that_was_read_is_refused_under_each_of_its_names(scan: Path, tmp_path: Path) -> None:
    for target in ways_to(scan, tmp_path):
        for refuse in (refuse_original, check_file):
            with pytest.raises(UsageError, match="originals are never overwritten"):
                refuse(target)
        with pytest.raises(UsageError, match="originals are never overwritten"), whole_file(target):
            pass
    assert scan.read_bytes() == b"what a scanner wrote"


def test_another_file_beside_it_is_written(scan: Path) -> None:
    with whole_file(scan.with_name("metal.nii.gz")) as part:
        part.write_bytes(b"mask")


def test_a_file_that_was_written_and_read_here_may_be_written_again(tmp_path: Path) -> None:
    target = tmp_path / "metal.dcm"
    for content in (b"first", b"second"):
        with whole_file(target) as part:
            part.write_bytes(content)
        with open_regular(target) as stream:
            assert stream.read() == content
    target.write_bytes(b"somebody else's by now")
    with open_regular(target) as stream:
        stream.read()
    with pytest.raises(UsageError, match="originals are never overwritten"), whole_file(target):
        pass


def test_the_folder_of_a_series_takes_nothing_at_any_depth(tmp_path: Path) -> None:
    study, elsewhere = tmp_path / "study", tmp_path / "elsewhere"
    for folder in (study, elsewhere):
        folder.mkdir()
    (elsewhere / "000.dcm").write_bytes(b"slice")
    (study / "000.dcm").symlink_to(elsewhere / "000.dcm")
    (tmp_path / "link").symlink_to(study)
    note_series([study / "000.dcm"])
    for target in (study / "mask.nii.gz", study / "deep" / "er", tmp_path / "link" / "new", elsewhere / "new"):
        with pytest.raises(UsageError, match="the folder of the source images"):
            check_place(target)
        with pytest.raises(UsageError, match="the folder of the source images"), whole_folder(target):
            pass
        with pytest.raises(UsageError, match="the folder of the source images"), whole_file(target):
            pass
    assert not (study / "deep").exists()


def test_a_name_whose_inode_was_reused_is_free(scan: Path) -> None:
    noted = scan.stat().st_ino
    scan.rename(scan.with_name("moved"))
    scan.with_name("moved").unlink()
    later = scan.with_name("later")
    for number in range(200):
        later.with_name(f"later{number}").write_bytes(b"new")
        if later.with_name(f"later{number}").stat().st_ino == noted:
            break
    refuse_original(later.with_name(f"later{number}"))
