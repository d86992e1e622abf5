"""The files of a sweep are complete, and all of them give the same values."""

import csv
import json

import nibabel
import numpy as np
import pytest
from PIL import Image

from marview.errors import UsageError
from marview.export.chart import Line, draw_chart, ticks
from marview.export.sweep import write_sweep, write_sweep_file
from marview.geometry import Grid
from marview.mar.sweep_measures import measure
from marview.mar.sweep_plan import Variant
from marview.mar.sweep_result import SweepResult
from marview.volume.window import HuWindow

SHAPE = (4, 80, 80)
VARIANTS = tuple(Variant(method, margin) for method in "ab" for margin in (-9.0, 0.0, 1.0))


@pytest.fixture
def hu() -> np.ndarray:
    y, x = np.ogrid[:80, :80]
    noise = np.random.default_rng(1).normal(40, 10, SHAPE)
    return np.where(np.hypot(y - 40, x - 40) < 36, noise, -1000).astype(np.int16)


@pytest.fixture
def result(hu) -> SweepResult:
    mask = np.zeros((2, 80, 80), bool)
    mask[:, 38:43, 38:43] = True
    images, masks, notes = {"original": hu[1:3]}, {"original": mask}, {}
    for variant in VARIANTS:
        if variant.margin < 0:
            notes[variant.name] = "The mask contains no metal."
        else:
            images[variant.name] = (hu[1:3] - 5 * variant.margin).astype(np.int16)
            masks[variant.name] = mask
    return SweepResult((1, 2), (Variant(""), *VARIANTS), images, masks, notes)


def test_a_sweep_is_written_whole(hu, result, tmp_path) -> None:
    grid = Grid.from_spacing(SHAPE, (2.0, 1.0, 1.0))
    files = write_sweep(result, tmp_path / "out", grid, hu)
    assert set((tmp_path / "out").iterdir()) == set(files)
    with (tmp_path / "out" / "sweep.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == ["original", "a_-9mm", "a_+0mm", "a_+1mm", "b_-9mm", "b_+0mm", "b_+1mm"]
    assert rows[1]["mean_hu"] == ""
    assert json.loads((tmp_path / "out" / "sweep.json").read_text())["slices"] == [2, 3]
    volume = np.asarray(nibabel.load(tmp_path / "out" / "a_+1mm.nii.gz").dataobj).T
    np.testing.assert_array_equal(volume[[0, 3]], hu[[0, 3]])
    np.testing.assert_array_equal(volume[[1, 2]], result.hu["a_+1mm"])
    spread = np.asarray(nibabel.load(tmp_path / "out" / "spread_a.nii.gz").dataobj).T
    np.testing.assert_allclose(spread[1], result.spread_hu("a", 1))
    assert not spread[[0, 3]].any()


@pytest.mark.parametrize(("suffix", "begins"), [(".png", b"\x89PNG"), (".pdf", b"%PDF")])
def test_a_figure_is_a_picture_or_a_page(result, tmp_path, suffix, begins) -> None:
    path = tmp_path / f"figure{suffix}"
    write_sweep_file(path, result, measure(result), slice_index=2, window=HuWindow(400, 40))
    assert path.read_bytes().startswith(begins)


def test_a_figure_shows_the_slice_in_the_window_asked_for(result, tmp_path) -> None:
    def mean(window: HuWindow) -> float:
        path = tmp_path / f"{window.level_hu}.png"
        write_sweep_file(path, result, measure(result), slice_index=1, window=window)
        with Image.open(path) as picture:
            return float(np.asarray(picture).mean())

    assert mean(HuWindow(400, -200)) > mean(HuWindow(400, 400)) + 5


def test_the_table_shows_the_rows(result, tmp_path) -> None:
    path = write_sweep_file(tmp_path / "table.csv", result, measure(result), slice_index=1)
    with path.open() as stream:
        rows = list(csv.DictReader(stream))
    assert float(rows[3]["mean_hu"]) == pytest.approx(float(rows[2]["mean_hu"]) - 5, abs=1e-3)


def test_another_ending_is_refused(result, tmp_path) -> None:
    with pytest.raises(UsageError, match=r"\.csv"):
        write_sweep_file(tmp_path / "table.xlsx", result, measure(result), slice_index=1)
    assert not list(tmp_path.iterdir())


def test_ticks_are_round_and_within() -> None:
    for low, high in ((0.0, 1.0), (-117.3, 212.9), (61.0, 113.0), (1e-4, 3e-4)):
        found = ticks(low, high)
        assert 2 <= len(found) <= 7
        assert low <= found[0] < found[-1] <= high


def test_a_chart_without_points_is_empty_and_says_its_title() -> None:
    image = np.asarray(draw_chart((300, 200), "Nothing", "mm", [Line("a", [0.0], [float("nan")], (255, 0, 0))]))
    assert (image[:40] < 255).any()
    assert (image[60:] == 255).all()
