"""Files that marview did not write are never replaced, and nothing is written among the slices of a series."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from marview import originals
from marview.dicom import open_series
from marview.dicom.atomic import check_file, check_place, claimed, whole_file, whole_folder
from marview.errors import UsageError
from marview.export import save_picture, write_csv, write_mask, write_nifti, write_npz, write_nrrd, write_png
from marview.export.movie import write_movie
from marview.geometry import Grid

GRID = Grid((2, 4, 4), np.diag([3.0, 1, 1, 1])[:, [2, 1, 0, 3]])
MASK = np.ones((2, 4, 4), bool)


def forget() -> None:
    """Forget what this process read and wrote, as a new process would."""
    for known in (originals._files, originals._series_folders, originals._own):
        known.clear()


def scan(path: Path) -> None:
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 2), np.int16), np.eye(4)), path)  # type: ignore[no-untyped-call]


def nrrd(path: Path) -> None:
    path.write_bytes(b"NRRD0004\ntype: short\n\n")


def photo(path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)


def table(path: Path) -> None:
    path.write_text("patient;age\nA;40\n", encoding="utf-8")


FOREIGN = {
    "scan.nii": scan,
    "scan.nii.gz": scan,
    "scan.nrrd": nrrd,
    "photo.png": photo,
    "photo.tif": photo,
    "photo.jpg": photo,
    "photo.gif": photo,
    "letter.pdf": lambda path: path.write_bytes(b"%PDF-1.4\n"),
    "movie.mp4": lambda path: path.write_bytes(b"\0\0\0\x20ftypisom" + bytes(64)),
    "arrays.npz": lambda path: np.savez(path, a=np.zeros(3)),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_another_program_is_refused_before_and_at_writing(name: str, tmp_path: Path) -> None:
    target = tmp_path / name
    FOREIGN[name](target)
    before = target.read_bytes()
    link = tmp_path / f"link_{name}"
    link.symlink_to(target)
    for path in (target, link):
        with pytest.raises(UsageError, match="did not write"):
            check_file(path)
        with pytest.raises(UsageError, match="did not write"), whole_file(path):
            pass
        with pytest.raises(UsageError, match="did not write"), claimed(path):
            pass
    assert target.read_bytes() == before


WRITTEN: dict[str, Callable[[Path], Any]] = {
    "mask.nii": lambda path: write_nifti(path, MASK, GRID),
    "mask.nii.gz": lambda path: write_nifti(path, MASK, GRID),
    "mask.nrrd": lambda path: write_nrrd(path, MASK, GRID),
    "slice.png": lambda path: write_png(path, np.zeros((4, 4)), width_hu=400, level_hu=40),
    "movie.gif": lambda path: write_movie(path, [np.zeros((8, 8, 3), np.uint8)] * 2, 100),
    "trace.npz": lambda path: write_npz(path, {"trace": np.zeros(3)}),
    "rows.csv": lambda path: write_csv(path, [{"name": "A", "mean_hu": 1}]),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_marview_wrote_is_replaced_by_the_same_kind(name: str, tmp_path: Path) -> None:
    for _ in range(2):
        forget()
        check_file(tmp_path / name)
        WRITTEN[name](tmp_path / name)


def test_a_tiff_of_marview_is_replaced(tmp_path: Path) -> None:
    for _ in range(2):
        forget()
        with whole_file(tmp_path / "slice.tif") as part:
            save_picture(Image.fromarray(np.zeros((4, 4, 3), np.uint8)), part, "TIFF")


def test_a_mask_does_not_replace_a_volume_that_marview_wrote(tmp_path: Path) -> None:
    target = tmp_path / "corrected.nii.gz"
    write_nifti(target, np.zeros((2, 4, 4), np.int16), GRID)
    before = target.read_bytes()
    with pytest.raises(UsageError, match="NIfTI volume, not NIfTI mask"):
        write_nifti(target, MASK, GRID)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_a_table_does_not_replace_one_of_other_contents(tmp_path: Path) -> None:
    table(tmp_path / "patients.csv")
    with pytest.raises(UsageError, match="table of patient, not table of name"):
        write_csv(tmp_path / "patients.csv", [{"name": "A"}])
    write_csv(tmp_path / "rows.csv", [{"name": "A", "mean_hu": 1}])
    write_csv(tmp_path / "rows.csv", [{"name": "A", "mean_hu": 1, "sd_hu": 2}])


def test_a_file_without_permission_to_read_is_refused(tmp_path: Path) -> None:
    if os.name != "posix" or os.getuid() == 0:
        pytest.skip("root may read everything")
    target = tmp_path / "scan.nii.gz"
    scan(target)
    target.chmod(0)
    with pytest.raises(UsageError, match="no permission"), whole_file(target):
        pass


def test_a_pipe_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UsageError, match="special file"), whole_file(tmp_path / "pipe.png"):
        pass


def test_an_empty_file_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").touch()
    write_csv(tmp_path / "rows.csv", [{"name": "A"}])


def test_no_slice_of_another_study_is_replaced_or_joined(
    save: Callable[..., Path], slices: list[Dataset], tmp_path: Path
) -> None:
    other = save(slices, "other")
    held = sorted(other.iterdir())
    before = [path.read_bytes() for path in held]
    with pytest.raises(UsageError, match=r"did not write \(DICOM CT\)"), whole_file(held[0]):
        pass
    for check in (check_file, check_place):
        with pytest.raises(UsageError, match="slices of a series"):
            check(other / "new")
        with pytest.raises(UsageError, match="slices of a series"):
            check(other / "new" / "deeper")
    for write in (whole_file, whole_folder, claimed):
        for target in (other / "new", other / "new" / "deeper"):
            with pytest.raises(UsageError, match="slices of a series"), write(target):
                pass
    assert sorted(other.iterdir()) == held
    assert [path.read_bytes() for path in sorted(other.iterdir())] == before


def test_a_single_image_in_a_folder_of_other_files_blocks_nothing(
    save: Callable[..., Path], slices: list[Dataset]
) -> None:
    write_csv(save(slices[:1], "downloads") / "rows.csv", [{"name": "A"}])


def test_a_segmentation_of_marview_is_replaced_by_another_only(
    save: Callable[..., Path], slices: list[Dataset], tmp_path: Path
) -> None:
    series = open_series(save(slices, "ct"))
    mask = np.ones(series.volume.grid.shape, bool)
    target = tmp_path / "mask.dcm"
    for _ in range(2):
        forget()
        write_mask(target, mask, series)
    with pytest.raises(UsageError, match="DICOM SEG, not unknown format"):
        write_csv(target, [{"name": "A"}])


def test_the_command_line_replaces_no_slice_of_another_study(
    save: Callable[..., Path], slices: list[Dataset], tmp_path: Path
) -> None:
    ct, other = save(slices, "ct"), save(slices, "other")
    victim = sorted(other.iterdir())[0]
    before = victim.read_bytes()
    order = [sys.executable, "-m", "marview", "mask", str(ct), "--output", str(victim)]
    ended = subprocess.run(order, capture_output=True, check=False, text=True)
    assert ended.returncode == 2
    assert "never overwrites such files. Choose another name." in ended.stderr
    assert victim.read_bytes() == before
