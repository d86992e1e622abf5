import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from PIL import Image

from marview.dicom import open_series
from marview.dicom.make import Labels, write_ct_series
from marview.export import write_nifti
from marview.geometry import Grid

LI = ("--method", "linear_interpolation")
METAL_SLICES = (1, 2)


def test_writes_a_series_that_differs_only_where_metal_is(
    marview: Callable, metal_series: Path, metal_hu: np.ndarray, tmp_path: Path
) -> None:
    answer = marview("reduce", metal_series, *LI, "--output", tmp_path / "out", "--json")
    assert answer.exit_code == 0, answer.err
    corrected = open_series(tmp_path / "out").volume.hu
    changed = [int(z) for z in np.flatnonzero((corrected != metal_hu).any(axis=(1, 2)))]
    assert changed == list(METAL_SLICES)
    np.testing.assert_array_equal(corrected[metal_hu == 8000], 8000)


def test_reports_every_slice(marview: Callable, metal_series: Path, metal_hu: np.ndarray, tmp_path: Path) -> None:
    record = marview("reduce", metal_series, *LI, "--output", tmp_path / "out", "--json").record
    assert record["method"] == "linear_interpolation"
    assert record["files"] == 6
    slices = {each["slice_index"]: each for each in record["slices"]}
    for z in METAL_SLICES:
        assert slices[z]["metal_pixels"] == pytest.approx((metal_hu[z] == 8000).sum(), rel=0.2)
        assert 0 < slices[z]["trace_fraction"] < 0.5
        assert slices[z]["seconds"] > 0


def test_corrects_only_the_slices_asked_for_and_exports_all(
    marview: Callable, metal_series: Path, metal_hu: np.ndarray, tmp_path: Path
) -> None:
    marview("reduce", metal_series, *LI, "--output", tmp_path / "out", "--slices", "4")
    corrected = open_series(tmp_path / "out").volume.hu
    assert len(corrected) == 6
    assert np.flatnonzero((corrected != metal_hu).any(axis=(1, 2))).tolist() == [2]


def test_a_series_corrected_again_is_noted(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    words = ("--method", "linear_interpolation", "--slices", "4", "--output")
    assert "already the result of a correction" not in marview("reduce", metal_series, *words, tmp_path / "once").err
    answer = marview("reduce", tmp_path / "once", *words, tmp_path / "twice")
    assert answer.exit_code == 0
    assert "Note: This series was already the result of a correction (Linear interpolation" in answer.err
    assert "marview corrected it again." in answer.err


def test_a_larger_margin_makes_a_larger_trace(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    fractions = [
        marview(
            "reduce", metal_series, *LI, "--output", tmp_path / f"out{mm}", "--margin", mm, "--slices", "4", "--json"
        ).record["slices"][0]["trace_fraction"]
        for mm in ("-2", "0", "4")
    ]
    assert fractions == sorted(set(fractions))


def test_nifti_and_pictures(marview: Callable, metal_series: Path, metal_hu: np.ndarray, tmp_path: Path) -> None:
    assert marview("reduce", metal_series, *LI, "--output", tmp_path / "n", "--format", "nifti").exit_code == 0
    volume = np.asarray(nib.load(tmp_path / "n" / "corrected.nii.gz").dataobj)
    assert volume.shape == (96, 96, 6)
    assert sorted(path.name for path in (tmp_path / "n").iterdir()) == [
        "corrected.nii.gz",
        "metal.nii.gz",
        "provenance.json",
    ]
    assert marview("reduce", metal_series, *LI, "--output", tmp_path / "p", "--format", "png").exit_code == 0
    pictures = sorted((tmp_path / "p").iterdir())
    assert len(pictures) == 6
    for path in pictures:
        with Image.open(path) as picture:
            assert picture.size == (96, 96)


@pytest.fixture(scope="module")
def cut_off_series(tmp_path_factory: pytest.TempPathFactory, metal_hu: np.ndarray) -> Path:
    """The series with metal on a 12-bit scale, with a streak between the pins that reaches the lowest value."""
    hu = metal_hu.copy()
    y, x = np.mgrid[-48:48, -48:48] + 0.5
    for z in METAL_SLICES:
        hu[z][(np.abs(y) < 1.5) & (np.abs(x) < 20)] = -1024
    hu[metal_hu == 8000] = 3071
    folder = tmp_path_factory.mktemp("series") / "cut_off"
    grid = Grid.from_spacing(hu.shape, (3.0, 2.0, 2.0))
    write_ct_series(hu, grid, folder, Labels("C^N", "C", "A study", "Cut off"), seed="cut off")
    return folder


@pytest.mark.parametrize(
    ("option", "restored", "noted", "recorded"),
    [
        ((), [1, 2], "marview estimated the missing part", "clipped streaks restored in 2 slices"),
        (("--no-restore",), [], "restoration was switched off", "restoration of clipped streaks switched off"),
    ],
)
def test_restoring_cut_off_streaks_is_a_switch_that_the_result_records(
    marview: Callable, cut_off_series: Path, tmp_path: Path, option: tuple, restored: list, noted: str, recorded: str
) -> None:
    record = marview("reduce", cut_off_series, *LI, "--output", tmp_path / "out", "--json", *option).record
    assert record["slices_restored"] == restored
    assert any("2 slices" in note and noted in note for note in record["notes"])
    corrected = pydicom.dcmread(next((tmp_path / "out").glob("*.dcm")))
    assert recorded in corrected.DerivationDescription


@pytest.mark.parametrize("option", [(), ("--no-restore",)])
def test_the_switch_changes_nothing_where_nothing_is_cut_off(
    marview: Callable, metal_series: Path, tmp_path: Path, option: tuple
) -> None:
    record = marview("reduce", metal_series, *LI, "--output", tmp_path / "out", "--json", *option).record
    assert record["slices_restored"] == []
    assert not any("cut off" in note for note in record["notes"])


def test_a_mask_from_a_file_is_used(
    marview: Callable, metal_series: Path, metal_hu: np.ndarray, tmp_path: Path
) -> None:
    assert marview("mask", metal_series, "--output", tmp_path / "mask.nii.gz").exit_code == 0
    record = marview(
        "reduce", metal_series, *LI, "--output", tmp_path / "out", "--mask", tmp_path / "mask.nii.gz", "--json"
    ).record
    assert record["mask"]["voxels"] == pytest.approx((metal_hu == 8000).sum(), rel=0.2)


def test_refusals_say_why_and_write_nothing(marview: Callable, metal_series: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept.txt").write_text("kept")
    out = ("--output", tmp_path / "out")
    refusals = [
        (("reduce", metal_series, "--method", "no_such", *out), 2, "no_such"),
        (("reduce", metal_series, *LI, *out, "--set", "nonsense=1"), 2, "nonsense"),
        (("reduce", metal_series, *LI, *out, "--set", "nonsense"), 2, "NAME=VALUE"),
        (("reduce", metal_series, "--method", "nmar", *out, "--set", "prior_source=moon"), 2, "prior_source"),
        (("reduce", metal_series, *LI, *out, "--slices", "9-12"), 2, "--slices"),
        (("reduce", metal_series, *LI, "--output", tmp_path / "full"), 2, "full"),
        (("reduce", metal_series, *LI, *out, "--device", "abacus"), 2, "abacus"),
        (("reduce", metal_series, *out), 2, "method"),
        (("reduce", tmp_path / "empty", *LI, *out), 3, "empty"),
        (("reduce", tmp_path / "absent", *LI, *out), 3, "absent"),
        (("reduce", metal_series, *LI, *out, "--threshold", "-900"), 3, "body"),
        (("reduce", metal_series, *LI, *out, "--margin", "-50"), 3, "margin"),
        (("reduce", metal_series, *LI, *out, "--mask", tmp_path / "absent.nii.gz"), 3, "absent.nii.gz"),
    ]
    for words, exit_code, said in refusals:
        answer = marview(*words)
        assert answer.exit_code == exit_code, (words, answer)
        assert said in answer.err, (words, answer)
        assert len(answer.err.strip().splitlines()) == 1, answer.err
        assert "Traceback" not in answer.err
        assert not (tmp_path / "out").exists()
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["kept.txt"]


def test_a_refusal_of_the_worker_is_one_sentence_too(metal_series: Path, tmp_path: Path) -> None:
    words = [
        "reduce",
        str(metal_series),
        "--method",
        "nmar",
        "--output",
        str(tmp_path / "out"),
        "--set",
        "smoothing_px=x",
    ]
    answer = subprocess.run([sys.executable, "-m", "marview", *words], capture_output=True, text=True, timeout=120)
    assert answer.returncode == 2
    assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr
    assert "smoothing_px" in answer.stderr
    assert not (tmp_path / "out").exists()


def test_across_gaps_corrects_a_series_without_its_damaged_slice(
    marview: Callable, metal_series: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "copy"
    copied.mkdir()
    for path in metal_series.iterdir():
        (copied / path.name).write_bytes(path.read_bytes())
    broken = sorted(copied.iterdir())[5]
    broken.write_bytes(broken.read_bytes()[:-4000])
    refused = marview("reduce", copied, *LI, "--output", tmp_path / "out")
    assert refused.exit_code == 3
    assert "(slice 1)" in refused.err
    assert "--across-gaps" in refused.err
    answer = marview("reduce", copied, *LI, "--output", tmp_path / "out", "--across-gaps")
    assert answer.exit_code == 0
    assert broken.name in answer.err
    assert "leaves out missing or unreadable slices: 1." in answer.err
    assert len(list((tmp_path / "out").iterdir())) == 5
    answer = marview("reduce", copied, *LI, "--output", tmp_path / "nifti", "--across-gaps", "--format", "nifti")
    assert "slices (1) are written as -1024 HU" in answer.err
    assert "left out" not in answer.err


@pytest.fixture
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("this was known before a worker was needed")

    monkeypatch.setattr("marview.commands.reduce.MarWorker", refuse)


@pytest.mark.usefixtures("no_worker")
def test_an_unwritable_target_is_found_before_the_run(
    marview: Callable, metal_series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = tmp_path / "volume.nii.gz"
    series = open_series(metal_series)
    write_nifti(volume, series.volume.hu, series.volume.grid)
    answer = marview("reduce", volume, *LI, "--output", tmp_path / "out")
    assert answer.exit_code == 3
    assert "--format nifti" in answer.err
    (tmp_path / "file").write_text("in the way")
    answer = marview("reduce", metal_series, *LI, "--output", tmp_path / "file" / "out")
    assert answer.exit_code == 3
    assert "cannot be written" in answer.err
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    answer = marview("reduce", metal_series, *LI, "--output", tmp_path / "out")
    assert answer.exit_code == 3
    assert "the disk has only 0 MB left" in answer.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "volume.nii.gz"]
