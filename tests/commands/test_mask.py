"""`marview mask`: sources, formats and messages."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from marview.dicom import open_series
from marview.dicom.mask_file import read_mask
from marview.export import write_nifti
from marview.geometry import Grid


@pytest.mark.parametrize("name", ["mask.nii.gz", "mask.nrrd", "mask.dcm"])
def test_written_files_are_read_back(marview: Callable, metal_series: Path, tmp_path: Path, name: str) -> None:
    answer = marview("mask", metal_series, "--output", tmp_path / name, "--threshold", 3000)
    assert answer.exit_code == 0, answer.err
    assert "in 2 of 6 slices (4 and 5), above 3000 HU" in answer.out
    series = open_series(metal_series)
    np.testing.assert_array_equal(read_mask(tmp_path / name, series).mask, series.volume.hu > 3000)
    copied = marview("mask", metal_series, "--mask", tmp_path / name, "--output", tmp_path / "copy.nii")
    assert f"mask file {name}" in copied.out
    np.testing.assert_array_equal(read_mask(tmp_path / "copy.nii", series).mask, series.volume.hu > 3000)


def test_metal_in_a_single_slice_is_not_a_range(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    single = sorted(metal_series.iterdir())[2]
    answer = marview("mask", single, "--output", tmp_path / "mask.nii", "--threshold", 3000)
    assert "in 1 of 1 slice (slice 1), above 3000 HU" in answer.out, answer.err


def test_a_link_to_nothing_in_place_of_the_folder_is_named(
    marview: Callable, metal_series: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    answer = marview("mask", metal_series, "--output", tmp_path / "link" / "mask.nii")
    assert answer.exit_code == 3
    assert "a broken link has that name" in answer.err


def test_the_densest_of_four_classes(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    answer = marview("mask", metal_series, "--output", tmp_path / "m.nii.gz", "--kmeans", 4, "--margin", 2)
    assert "densest of 4 classes, margin +2 mm" in answer.out
    series = open_series(metal_series)
    mask = read_mask(tmp_path / "m.nii.gz", series).mask
    assert mask[series.volume.hu == 8000].all()
    assert mask.sum() > (series.volume.hu == 8000).sum()


def test_notes_on_scale_and_class_appear_for_every_source(marview: Callable, tmp_path: Path) -> None:
    y, x = np.ogrid[:40, :40]
    hu = np.where(np.hypot(y - 20, x - 20) < 16, 40, -1000) * np.ones((2, 1, 1))
    hu[:, 12:20, 12:20] = 1200
    hu[:, 24:27, 24:27] = 3071
    series = write_nifti(tmp_path / "clipped.nii.gz", hu.astype(np.int16), Grid.from_spacing(hu.shape, (2, 2, 2)))
    for choice in (("--threshold", 2000), ("--kmeans", 3), ()):
        answer = marview("mask", series, "--output", tmp_path / "m.nii.gz", *choice)
        assert "clipped at 3071" in answer.err, choice
        assert ("so it includes bone" in answer.err) == ("--kmeans" in choice)


def test_a_margin_below_a_voxel_is_noted_as_without_effect(
    marview: Callable, metal_series: Path, tmp_path: Path
) -> None:
    small = marview("mask", metal_series, "--output", tmp_path / "m.nii.gz", "--threshold", 3000, "--margin", 0.1)
    assert "A margin of 0.1 mm changes nothing" in small.err
    grown = marview("mask", metal_series, "--output", tmp_path / "m.nii.gz", "--threshold", 3000, "--margin", 5)
    assert "changes nothing" not in grown.err


def test_notes_go_to_standard_error(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    series = open_series(metal_series)
    fine = np.repeat(series.volume.hu > 3000, 2, axis=2)
    affine = series.volume.grid.affine.copy()
    affine[:3, 2] /= 2
    affine[:3, 3] -= affine[:3, 2] / 2
    grid = type(series.volume.grid)(fine.shape, affine)
    write_nifti(tmp_path / "fine.nii.gz", fine, grid)
    answer = marview("mask", metal_series, "--mask", tmp_path / "fine.nii.gz", "--output", tmp_path / "m.nii.gz")
    assert "Note: fine.nii.gz is not on the voxel grid" in answer.err
    assert "Note" not in answer.out


def test_refusals(marview: Callable, metal_series: Path, plain_series: Path, tmp_path: Path) -> None:
    marview("mask", metal_series, "--output", tmp_path / "m.dcm")
    out = ("--output", tmp_path / "out.nii")
    for words, exit_code, said in (
        ((metal_series, "--output", tmp_path / "m.txt"), 2, "m.txt does not end in"),
        ((metal_series, *out, "--kmeans", 40), 2, "2 to 12 classes"),
        ((metal_series, *out, "--kmeans", 3, "--threshold", 2000), 2, "--threshold and --kmeans cannot be combined"),
        ((metal_series, *out, "--margin", "much"), 2, "--margin"),
        ((metal_series, *out, "--margin", "nan"), 2, "--margin must be between -1000 and 1000 mm"),
        ((metal_series, *out, "--margin=-1e308"), 2, "--margin must be between -1000 and 1000 mm"),
        ((plain_series, *out, "--mask", tmp_path / "m.dcm"), 3, "different patient"),
        ((metal_series, *out, "--mask", __file__), 3, "test_mask.py"),
    ):
        answer = marview("mask", *words)
        assert answer.exit_code == exit_code, answer
        assert said in answer.err, answer
        assert len(answer.err.strip().splitlines()) == 1, answer.err
        assert "  " not in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["m.dcm"]
