"""`marview sweep` as a user calls it."""

from pathlib import Path

import numpy as np
import pytest

from marview.commands.options import Device
from marview.commands.sweep import sweep
from marview.errors import BadInput, UsageError
from marview.export import write_nifti
from marview.geometry import Grid

GRID = Grid.from_spacing((2, 64, 64), (2.0, 2.0, 2.0))


@pytest.fixture
def series(tmp_path: Path) -> Path:
    y, x = np.ogrid[:64, :64]
    hu = np.where(np.hypot(y - 32, x - 32) < 28, 40, -1000) * np.ones((2, 1, 1))
    hu[:, 30:34, 30:34] = 8000
    return write_nifti(tmp_path / "series.nii.gz", hu.astype(np.int16), GRID)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"margins": "a,b"}, "--margins takes numbers"),
        ({"margins": "1"}, "at least two variants"),
        ({"method": ""}, "at least two variants"),
        ({"margins": "0,1", "slices": "7-9"}, "has slices 1 to"),
        ({"margins": "0,1", "method": "not_there"}, "not_there"),
    ],
)
def test_an_invalid_sweep_is_refused(series: Path, tmp_path: Path, changes: dict, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        sweep(series, output=tmp_path / "out", **{"method": "linear_interpolation", **changes})
    assert not (tmp_path / "out").exists()


def test_a_truth_on_other_voxels_is_refused(series: Path, tmp_path: Path) -> None:
    other = write_nifti(
        tmp_path / "truth.nii.gz", np.zeros((2, 32, 32), np.int16), Grid.from_spacing((2, 32, 32), (2, 2, 2))
    )
    with pytest.raises(BadInput, match="voxel grid of the series"):
        sweep(series, output=tmp_path / "out", method="nmar", margins="0,1", truth=other)


def test_the_table_fits_a_narrow_terminal_and_notes_equal_masks(
    series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    margins = {"margins": "-0.5,0,2,80", "thresholds": "2000"}
    assert sweep(series, output=tmp_path / "out", method="linear_interpolation", device=Device.CPU, **margins) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert any(line.strip() == "linear_interpolation" for line in lines)
    row = next(line for line in lines if "> 2000 HU, -0.5 mm" in line)
    assert row.split()[5] == "32"
    assert "Margins -0.5 mm, 0 mm gave the same mask" in told.err
    assert "+80mm: The metal mask covers" in told.err


def test_thresholds_alone_find_the_metal_where_nothing_else_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    y, x = np.ogrid[:64, :64]
    hu = np.where(np.hypot(y - 32, x - 32) < 28, 40, -1000) * np.ones((2, 1, 1))
    hu[:, 30:34, 30:34] = 2300  # bone reaches this too
    faint = write_nifti(tmp_path / "faint.nii.gz", hu.astype(np.int16), GRID)
    swept = {"method": "linear_interpolation", "device": Device.CPU}
    with pytest.raises(BadInput, match="add --thresholds HU,HU or --mask FILE"):
        sweep(faint, output=tmp_path / "out", margins="0,2", **swept)
    with pytest.raises(BadInput, match=r"above 2400 HU.*add --thresholds HU,HU with lower values"):
        sweep(faint, output=tmp_path / "out", thresholds="2400,2500", **swept)
    assert sweep(faint, output=tmp_path / "out", thresholds="1500,2000", **swept) == 0
    assert "> 1500 HU" in capsys.readouterr().out


def test_notes_on_mask_and_region_are_printed(series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marked = np.zeros((2, 64, 64), np.uint8)
    marked[:, 30:34, 30:34] = 1
    aside = np.zeros((2, 64, 64), np.uint8)
    aside[:, 31:40, 40:44] = 1
    half = np.eye(4)
    half[0, 3] = 1.0  # half a voxel beside the series
    moved = Grid(GRID.shape, half @ GRID.affine)
    mask = write_nifti(tmp_path / "mask.nii.gz", marked, moved)
    region = write_nifti(tmp_path / "region.nii.gz", aside, moved)
    common = {"method": "linear_interpolation", "margins": "0,2", "device": Device.CPU}
    assert sweep(series, output=tmp_path / "out", mask=mask, roi=region, **common) == 0
    told = capsys.readouterr().err
    assert "mask.nii.gz is not on the voxel grid" in told
    assert "region.nii.gz is not on the voxel grid" in told


@pytest.mark.slow
def test_a_sweep_in_pixels_is_written_on_the_processing_grid(series: Path, tmp_path: Path) -> None:
    common = {"method": "linear_interpolation", "device": Device.CPU}
    assert sweep(series, output=tmp_path / "out", margins_px="0,2", **common) == 0
    import nibabel

    assert nibabel.load(tmp_path / "out" / "linear_interpolation_+2px.nii.gz").shape == (416, 416, 2)
    assert (tmp_path / "out" / "sweep.csv").read_text().count("\n") == 4
