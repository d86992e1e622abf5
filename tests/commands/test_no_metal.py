"""`reduce` on series without metal, or with doubtful metal only."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from marview.dicom.make import Labels, write_ct_series
from marview.export import write_nifti
from marview.geometry import Grid

LI = ("--method", "linear_interpolation")
GRID = Grid.from_spacing((6, 96, 96), (3.0, 2.0, 2.0))


@pytest.fixture(scope="module")
def enamel_series(tmp_path_factory: pytest.TempPathFactory, metal_hu: np.ndarray) -> Path:
    """A series whose densest voxels reach 2773 HU."""
    folder = tmp_path_factory.mktemp("series") / "enamel"
    write_ct_series(np.minimum(metal_hu, 2773), GRID, folder, Labels("E^N", "E", "A", "Enamel"), seed="enamel")
    return folder


def test_a_series_without_metal_is_not_a_failure(marview: Callable, plain_series: Path, tmp_path: Path) -> None:
    answer = marview("reduce", plain_series, *LI, "--output", tmp_path / "out")
    assert answer.exit_code == 0
    assert "No metal was found" in answer.out
    assert "Nothing was written" in answer.out
    assert not (tmp_path / "out").exists()


def test_slices_without_metal_are_no_failure_either(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    answer = marview("reduce", metal_series, *LI, "--slices", "1", "--output", tmp_path / "out")
    assert answer.exit_code == 0
    assert "There is no metal in slice 1 of" in answer.out
    assert "The metal is in" in answer.out
    assert not (tmp_path / "out").exists()


def test_doubtful_metal_is_asked_about_and_nothing_is_changed(
    marview: Callable, enamel_series: Path, tmp_path: Path
) -> None:
    answer = marview("reduce", enamel_series, *LI, "--output", tmp_path / "out")
    assert answer.exit_code == 0
    assert "2773 HU" in answer.out
    assert "--threshold" in answer.out
    assert not (tmp_path / "out").exists()


def test_doubtful_metal_is_corrected_at_the_threshold_that_the_answer_names(
    marview: Callable, enamel_series: Path, tmp_path: Path
) -> None:
    words = marview("reduce", enamel_series, *LI, "--output", tmp_path / "out").out.split()
    threshold = words[words.index("--threshold") + 1]
    answer = marview("reduce", enamel_series, *LI, "--output", tmp_path / "out", "--threshold", threshold)
    assert answer.exit_code == 0, answer.err
    assert (tmp_path / "out").is_dir()


def test_copy_leaves_the_files_as_they_are(marview: Callable, plain_series: Path, tmp_path: Path) -> None:
    answer = marview("reduce", plain_series, *LI, "--output", tmp_path / "out", "--copy")
    assert answer.exit_code == 0
    assert "copied unchanged" in answer.out
    copied = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert copied == {file.name: file.read_bytes() for file in plain_series.iterdir()}


def test_copy_works_for_nifti(marview: Callable, metal_hu: np.ndarray, tmp_path: Path) -> None:
    source = tmp_path / "plain.nii.gz"
    write_nifti(source, np.minimum(metal_hu, 900), GRID)
    marview("reduce", source, *LI, "--output", tmp_path / "out", "--format", "nifti", "--copy")
    assert (tmp_path / "out" / "plain.nii.gz").read_bytes() == source.read_bytes()


def test_json_says_that_there_is_no_metal(marview: Callable, plain_series: Path, tmp_path: Path) -> None:
    record = marview("reduce", plain_series, *LI, "--output", tmp_path / "out", "--json").record
    assert record["metal"] is False
    assert record["files"] == 0
    assert "No metal was found" in record["reason"]


def test_a_mask_of_doubtful_metal_is_not_written(marview: Callable, enamel_series: Path, tmp_path: Path) -> None:
    answer = marview("mask", enamel_series, "--output", tmp_path / "metal.nii.gz")
    assert answer.exit_code == 3
    assert "2773 HU" in answer.err
    assert not (tmp_path / "metal.nii.gz").exists()
