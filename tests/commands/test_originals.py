"""No command overwrites its input or writes into the folder of its source series, even through a link."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from marview.export import write_nifti
from marview.geometry import Grid


@pytest.fixture
def study(metal_series: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(metal_series, tmp_path / "study"))


def content(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*.*")}


def test_no_verb_writes_into_the_folder_of_its_series(
    marview: Callable, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, first = content(study), min(study.iterdir()).name
    (tmp_path / "link").symlink_to(study)
    (tmp_path / "slice.dcm").symlink_to(study / first)
    monkeypatch.chdir(study)
    method = ("--method", "linear_interpolation")
    simulation = ("--implant", "hip-unilateral")
    for words in (
        ("mask", study, "--output", study / first),
        ("mask", study / first, "--output", study / "mask.nrrd"),
        ("mask", ".", "--output", first),
        ("mask", study, "--output", tmp_path / "link" / first),
        ("mask", study, "--output", tmp_path / "slice.dcm"),
        ("mask", study, "--output", study / "new.dcm"),
        ("trace", study, "--slice", 4, "--output", study / "trace.npz"),
        ("trace", ".", "--slice", 4, "--output", "trace.png"),
        ("reduce", study, *method, "--output", study / "corrected"),
        ("reduce", study, *method, "--output", tmp_path / "link" / "corrected", "--format", "png"),
        ("sweep", study, *method, "--margins", "0,1", "--output", "sweep"),
        ("batch", study, *method, "--output", study / "batch"),
        ("batch", tmp_path, *method, "--output", study / "batch"),
        ("batch", ".", *method),
        ("simulate", study, *simulation, "--output", study / "simulated"),
    ):
        answer = marview(*words)
        assert answer.exit_code == 2, (words, answer.err)
        assert "originals are never overwritten" in answer.err or "marview writes nothing there" in answer.err, (
            answer.err
        )
    assert content(study) == before


def test_a_nifti_file_is_not_replaced_and_its_neighbour_is_written(marview: Callable, tmp_path: Path) -> None:
    hu = np.full((3, 32, 32), 40, np.int16)
    hu[:, 10:14, 10:14] = 8000
    scan = write_nifti(tmp_path / "scan.nii.gz", hu, Grid.from_spacing(hu.shape, (2, 2, 2)))
    before = scan.read_bytes()
    scan.write_bytes(before)  # marview may overwrite its own output, but this is not
    mask = tmp_path / "mask.nii.gz"
    assert marview("mask", scan, "--output", scan).exit_code == 2
    assert marview("mask", scan, "--output", mask).exit_code == 0
    mask.write_bytes(mask.read_bytes())
    answer = marview("mask", scan, "--mask", mask, "--margin", 2, "--output", mask)
    assert answer.exit_code == 2
    assert "mask.nii.gz is a file that was read" in answer.err
    assert scan.read_bytes() == before
