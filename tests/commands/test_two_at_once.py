"""Two processes that write to one target: it is whole, and who comes second is told so or writes it anew."""

import subprocess
import sys
from pathlib import Path

import pytest

from marview.dicom import open_series
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
@pytest.mark.parametrize("name", ["mask.nii.gz", "mask.dcm"])
def test_of_two_that_write_one_mask_the_last_replaces_the_first_whole(
    metal_series: Path, tmp_path: Path, name: str
) -> None:
    ended = at_once("mask", metal_series, "--output", tmp_path / name)
    assert [code for code, _ in ended] == [0, 0], ended
    assert read_mask(tmp_path / name, open_series(metal_series)).mask.any()
    assert [path.name for path in tmp_path.iterdir()] == [name]
