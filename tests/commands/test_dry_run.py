"""A dry run refuses what the run refuses, in the same words and with the same exit code, and writes nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

LI = ("--method", "linear_interpolation", "--device", "cpu")
NMAR = ("--method", "nmar", "--device", "cpu")
UNKNOWN = ((*NMAR, "--set", "UNKNOWN=1"), 2, "has no parameter 'UNKNOWN'")
IMPOSSIBLE = ((*NMAR, "--set", "smoothing_px=wide"), 2, "The method nmar cannot use these values: ")
NOT_THERE = (("--method", "not_there"), 2, "not_there")


def test_reduce(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    refusals = [UNKNOWN, IMPOSSIBLE, NOT_THERE, ((*LI, "--margin", "-900"), 3, "margin")]
    _assert_alike(marview, ("reduce", metal_series), refusals, tmp_path / "out")


def test_sweep(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    words = ("sweep", metal_series, "--margins", "0,2")
    _assert_alike(marview, words, [UNKNOWN, IMPOSSIBLE, NOT_THERE], tmp_path / "out")


def test_a_sweep_without_a_usable_mask(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    words = ("sweep", metal_series, "--margins=-900,-800")
    _assert_alike(marview, words, [(LI, 2, "No variant can be run.")], tmp_path / "out")


def test_batch(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    _assert_alike(marview, ("batch", metal_series), [UNKNOWN, IMPOSSIBLE, NOT_THERE], tmp_path / "out")


def test_batch_into_the_folder_of_another_batch(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert marview("batch", metal_series, *LI, "--output", out).exit_code == 0
    for more, sentence in ((LI, "already contains a job table"), ((*NMAR, "--resume"), "was created with method")):
        _assert_refused_alike(marview, ("batch", metal_series, *more, "--output", out), 2, sentence)


def test_batch_into_a_folder_with_other_files(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague")
    _assert_refused_alike(marview, ("batch", metal_series, *LI, "--output", tmp_path), 2, "is not empty")


@pytest.mark.parametrize("verb", ["reduce", "batch"])
def test_a_device_that_is_not_there(
    marview: Callable, metal_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    refusal = (("--method", "nmar", "--device", "cuda"), 2, "finds no such device")
    _assert_alike(marview, (verb, metal_series), [refusal], tmp_path / "out")


def _assert_alike(
    marview: Callable, words: tuple[object, ...], refusals: list[tuple[tuple[str, ...], int, str]], out: Path
) -> None:
    for more, exit_code, sentence in refusals:
        _assert_refused_alike(marview, (*words, *more, "--output", out), exit_code, sentence)
        assert not out.exists()


def _assert_refused_alike(marview: Callable, words: tuple[object, ...], exit_code: int, sentence: str) -> None:
    run, dry = marview(*words), marview(*words, "--dry-run")
    assert (dry.exit_code, dry.err) == (run.exit_code, run.err)
    assert run.exit_code == exit_code
    assert sentence in run.err
