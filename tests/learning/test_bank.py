"""Selection of training slices."""

import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from marview.dicom.make import Labels, write_ct_series
from marview.errors import BadInput
from marview.export import write_nifti
from marview.geometry import Grid
from marview.learning.bank import read_banks


def body(value: int = 40) -> np.ndarray:
    y, x = np.mgrid[:48, :48] - 23.5
    return np.where(np.hypot(y, x) < 18, value, -1000).astype(np.int16)


def stack(path: Path, slices: list[np.ndarray]) -> None:
    first, *rest = [Image.fromarray(((each + 1024) // 2).astype(np.uint16)) for each in slices]
    first.save(path, save_all=True, append_images=rest)


def with_metal() -> np.ndarray:
    hu = body()
    hu[20:26, 20:26] = 9000
    return hu


def series(folder: Path, hu: np.ndarray, name: str) -> tuple[Path, ...]:
    labels = Labels("NONE^NONE", "NONE", "A study", name)
    return write_ct_series(hu, Grid.from_spacing(hu.shape, (3.0, 2.0, 2.0)), folder, labels, seed=name)


def test_stacks_named_validation_are_held_out(tmp_path: Path) -> None:
    stack(tmp_path / "train.tif", [body(10), body(20)])
    stack(tmp_path / "validation.tif", [body(60)])
    banks = read_banks(tmp_path)
    assert [int(each.max()) for each in banks.training.slices] == [10, 20]
    assert [int(each.max()) for each in banks.validation.slices] == [60]
    assert banks.training.slices[0].dtype == np.int16
    assert int(banks.training.slices[0].min()) == -1000


def test_without_validation_stacks_the_last_slices_are_held_out(tmp_path: Path) -> None:
    stack(tmp_path / "mine.tif", [body(10 * k) for k in range(20)])
    banks = read_banks(tmp_path)
    assert (len(banks.training), len(banks.validation)) == (18, 2)
    assert [int(each.max()) for each in banks.validation.slices] == [180, 190]


def test_held_out_slices_alone_are_not_called_metal(tmp_path: Path) -> None:
    stack(tmp_path / "validation.tif", [body(), body()])
    with pytest.raises(BadInput, match=r"left for training: .*holds out 2 slices"):
        read_banks(tmp_path)


def test_slices_with_metal_or_without_a_body_are_left_out(tmp_path: Path) -> None:
    stack(tmp_path / "train.tif", [body(), with_metal(), np.full((48, 48), -1000, np.int16), body()])
    stack(tmp_path / "validation.tif", [body()])
    banks = read_banks(tmp_path)
    assert (len(banks.training), banks.with_metal, banks.empty) == (2, 1, 1)


def test_nothing_but_metal_gives_a_message(tmp_path: Path) -> None:
    stack(tmp_path / "train.tif", [with_metal(), with_metal()])
    with pytest.raises(BadInput, match=r"no metal-free slice to train on \(2 slices with metal, 0 without a body\)"):
        read_banks(tmp_path)


def test_a_folder_that_is_not_there_gives_a_message(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"does not exist\. --data takes"):
        read_banks(tmp_path / "none")


def test_a_folder_without_scans_gives_a_message(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(BadInput):
        read_banks(tmp_path)


def test_series_and_nifti_files_are_read_together(tmp_path: Path) -> None:
    hu = np.stack([body(30)] * 6)
    series(tmp_path / "first", hu, "first")
    series(tmp_path / "second", np.stack([body(50)] * 4), "second")
    write_nifti(tmp_path / "third.nii.gz", hu, Grid.from_spacing(hu.shape, (3.0, 2.0, 2.0)))
    heard: list[str] = []
    banks = read_banks(tmp_path, heard.append)
    assert len(banks.training) + len(banks.validation) == 16
    assert "Reading first." in heard


def test_a_wire_visible_only_in_the_whole_series_is_left_out(tmp_path: Path) -> None:
    """It lies in three of six slices, denser than bone but only a few pixels wide."""
    hu = np.stack([body(30)] * 6)
    hu[2:5, 20:22, 20:23] = 2700
    series(tmp_path / "scan", hu, "scan")
    banks = read_banks(tmp_path / "scan")
    assert banks.with_metal == 3
    assert max(int(each.max()) for bank in (banks.training, banks.validation) for each in bank.slices) < 100


def test_a_single_slice_is_both(tmp_path: Path) -> None:
    stack(tmp_path / "one.tif", [body()])
    banks = read_banks(tmp_path / "one.tif")
    assert (len(banks.training), len(banks.validation)) == (1, 1)


def test_nan_pixels_are_air(tmp_path: Path) -> None:
    """NaN is padding of the scanner, not water around the body."""
    hu = body().astype(np.float32)
    padded = np.hypot(*(np.mgrid[:48, :48] - 23.5)) > 22
    hu[padded] = np.nan
    hu[:3] = np.inf
    Image.fromarray(hu).save(tmp_path / "mine.tif")
    np.savez_compressed(tmp_path / "mine.npz", hu=hu)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "mine.tif").rename(tmp_path / "stacks" / "mine.tif")
    for path in (tmp_path / "stacks", tmp_path / "mine.npz"):
        [kept] = read_banks(path).training.slices
        assert np.array_equal(kept, body())


def test_nan_voxels_of_nifti_become_air(tmp_path: Path) -> None:
    hu = np.stack([body(30)] * 3).astype(np.float32)
    hu[:, :2] = np.nan
    nib.save(nib.Nifti1Image(hu.T, np.diag([2.0, 2.0, 3.0, 1.0])), tmp_path / "mine.nii.gz")
    assert all(int(each.min()) == -1000 for each in read_banks(tmp_path).training.slices)
    assert {int(each.max()) for each in read_banks(tmp_path).training.slices} == {30}


def test_stacks_at_any_depth_are_read_beside_series(tmp_path: Path) -> None:
    (tmp_path / "sub" / "p1").mkdir(parents=True)
    stack(tmp_path / "sub" / "p1" / "train.tif", [body(10)])
    for name in ("first", "second"):
        series(tmp_path / name, np.stack([body(50)] * 4), name)
    heard: list[str] = []
    banks = read_banks(tmp_path, heard.append)
    assert len(banks.training) + len(banks.validation) == 9
    assert heard == [f"Reading {each}." for each in (Path("sub", "p1", "train.tif"), "first", "second")]


def test_left_out_slices_are_reported_with_the_reason(tmp_path: Path) -> None:
    stack(tmp_path / "mine.tif", [body(), np.full((48, 48), -1000, np.int16), body()])
    (tmp_path / "broken.nii.gz").write_bytes(b"no such thing")
    (tmp_path / "broken.tif").write_bytes(b"II*\0 and no more")
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "index.csv").write_text("file,collection\n")
    np.save(tmp_path / "one.npy", body())
    labels = Labels("NONE^NONE", "NONE", "A study", "Magnet")
    grid = Grid.from_spacing((4, 48, 48), (3.0, 2.0, 2.0))
    for path in write_ct_series(np.stack([body()] * 4), grid, tmp_path / "magnet", labels, seed="magnet"):
        file = dcmread(path)
        file.Modality = "MR"
        file.save_as(path)
    heard: list[str] = []
    banks = read_banks(tmp_path, heard.append)
    assert (len(banks.training), banks.empty) == (1, 1)
    left_out = [each for each in heard if "left out" in each]
    for what, why in (
        ("broken.nii.gz", "broken.nii.gz"),
        ("broken.tif", "cannot be read as a TIFF stack"),
        ("1 file", "no DICOM, NIfTI or TIFF"),
        ("one.npy", "--data names the file itself"),
        ("Magnet", "This is MR, not CT"),
    ):
        assert any(each.startswith(f"{what} (left out: ") and why in each for each in left_out), (what, left_out)
    assert len(left_out) == 5


def test_a_stack_that_breaks_off_keeps_the_pages_before(tmp_path: Path) -> None:
    stack(tmp_path / "mine.tif", [body()] * 6)
    whole = (tmp_path / "mine.tif").read_bytes()
    (tmp_path / "mine.tif").write_bytes(whole[: len(whole) * 2 // 3])
    heard: list[str] = []
    banks = read_banks(tmp_path, heard.append)
    pages = len(banks.training) + len(banks.validation)
    assert pages in {3, 4}
    assert heard[-1].startswith(f"mine.tif from its page {pages} on (left out: ")


def test_a_file_that_cannot_be_read_is_named_where_it_is_all(tmp_path: Path) -> None:
    (tmp_path / "x.nii.gz").write_bytes(b"no such thing")
    with pytest.raises(BadInput, match=r"no metal-free slice .* It contains x\.nii\.gz \(left out: x\.nii\.gz"):
        read_banks(tmp_path)


def test_only_dicom_is_read_from_a_zip_with_a_message(tmp_path: Path) -> None:
    paths = series(tmp_path / "scan", np.stack([body(30)] * 4), "scan")
    stack(tmp_path / "mine.tif", [body()])
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        for path in [*paths, tmp_path / "mine.tif"]:
            archive.write(path, path.name)
    heard: list[str] = []
    banks = read_banks(tmp_path / "both.zip", heard.append)
    assert len(banks.training) + len(banks.validation) == 4
    assert heard == ["1 file (left out: not DICOM).", "Reading scan."]


def test_missing_slices_are_reported(tmp_path: Path) -> None:
    paths = series(tmp_path / "scan", np.stack([body(30)] * 6), "scan")
    paths[2].unlink()
    heard: list[str] = []
    banks = read_banks(tmp_path, heard.append)
    assert (len(banks.training) + len(banks.validation), banks.empty) == (5, 0)
    assert "1 slice of scan (left out: missing or damaged)." in heard


@pytest.mark.data
def test_the_shared_slices_are_all_free_of_metal(shared_data: Path) -> None:
    banks = read_banks(shared_data / "metal_free")
    assert (len(banks.training), len(banks.validation), banks.with_metal) == (613, 80, 0)


@pytest.mark.data
def test_slices_of_real_metal_are_all_left_out(shared_data: Path) -> None:
    assert read_banks(shared_data / "real_metal").with_metal == 28 + 17
