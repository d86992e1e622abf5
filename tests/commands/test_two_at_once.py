"""If two processes write to the same target, the target is complete and the second process is refused."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from marview.dicom import open_series
from marview.dicom.atomic import claimed
from marview.dicom.mask_file import read_mask


def at_once(*words: object, number: int = 2) -> list[tuple[int, str]]:
    """Exit codes and standard error of processes started together, the successful ones first."""
    program = [sys.executable, "-m", "marview", *map(str, words)]
    started = [
        subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(number)
    ]
    said = [(process.communicate()[1], process.returncode) for process in started]
    return sorted((code, text) for text, code in said)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_of_two_that_reduce_into_one_folder_one_wins_whole(metal_series: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    first, second = at_once("reduce", metal_series, "--method", "linear_interpolation", "--output", target)
    assert first[0] == 0, first
    assert second[0] in {2, 3}, second
    assert str(target) in second[1]
    assert "Traceback" not in second[1]
    assert open_series(target).volume.hu.shape == open_series(metal_series).volume.hu.shape
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["mask.nii.gz", "mask.dcm", "mask.nrrd"])
def test_the_second_of_two_writers_of_a_mask_is_refused(metal_series: Path, tmp_path: Path, name: str) -> None:
    ended = at_once("mask", metal_series, "--output", tmp_path / name)
    assert [code for code, _ in ended] in ([0, 3], [0, 0]), ended  # one may end before the other starts
    assert ended[1][0] == 0 or f"{tmp_path / name} is being written by another process" in ended[1][1]
    assert read_mask(tmp_path / name, open_series(metal_series)).mask.any()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "words"),
    [("mask.nii.gz", ["mask"]), ("mask.dcm", ["mask"]), ("trace.npz", ["trace", "--slice", 4])],
)
def test_a_file_that_another_process_works_on_is_refused(
    marview: Callable, metal_series: Path, tmp_path: Path, name: str, words: list
) -> None:
    target = tmp_path / name
    with claimed(target):
        part = next(tmp_path.glob(".part-*"))
        answer = marview(words[0], metal_series, *words[1:], "--output", target)
        assert part.exists()
    assert answer.exit_code == 3, answer
    assert f"{target} is being written by another process ({os.getpid()} on " in answer.err
    assert not list(tmp_path.iterdir())


def test_tables_that_another_process_works_on_are_refused(marview: Callable, tmp_path: Path) -> None:
    target = tmp_path / "new" / "tables"
    np.savez(tmp_path / "case.npz", hu=np.zeros((8, 8)))
    with claimed(target):
        answer = marview("benchmark", "--method", "nmar", "--cases", tmp_path / "case.npz", "--output", target)
    assert (answer.exit_code, "is being written by another process" in answer.err) == (3, True), answer
    assert [path.name for path in tmp_path.iterdir()] == ["case.npz"], "folders that hold nothing are gone"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_in_training_cannot_be_resumed_twice(tmp_path: Path) -> None:
    np.save(tmp_path / "clean.npy", np.full((4, 64, 64), 40, np.int16))
    run_folder = tmp_path / "run"
    with claimed(run_folder):
        words = ["train", "cnnmar", "--data", tmp_path / "clean.npy", "--size", "tiny", "--device", "cpu"]
        code, said = at_once(*words, "--output", run_folder, number=1)[0]
    assert (code, "is being written by another process" in said) == (3, True), said
