"""The Python API, used as in a notebook."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import marview
from marview.dicom.make import Labels, write_ct_series
from marview.geometry import Grid


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four slices of a water disc with a rod of metal and a streak in the two in the middle."""
    y, x = np.mgrid[-40:40, -40:40] + 0.5
    hu = np.where(np.hypot(y, x) < 34, 20, -1000).astype(np.int16)
    volume = np.stack([hu] * 4)
    for z in (1, 2):
        volume[z][(np.abs(y) < 2) & (np.abs(x) < 25)] -= 200
        volume[z][np.hypot(y, x - 8) < 4] = 9000
    folder = tmp_path_factory.mktemp("api") / "study"
    write_ct_series(volume, Grid.from_spacing(volume.shape, (3.0, 2.0, 2.0)), folder, Labels("T^T", "T", "S", "D"))
    return folder


def test_five_lines_correct_a_study(study: Path, tmp_path: Path) -> None:
    series = marview.read(study)
    metal = marview.find_metal(series, margin_mm=0.5)
    shares: list[float] = []
    result = marview.reduce(series, "linear_interpolation", metal=metal, on_progress=shares.append)
    files = marview.write_dicom(result, tmp_path / "out")
    assert result.slices == (1, 2)
    assert (result.hu != series.volume.hu).any(axis=(1, 2)).tolist() == [False, True, True, False]
    np.testing.assert_array_equal(marview.read(tmp_path / "out").volume.hu, result.hu)
    assert len(files) == 4
    assert shares[-1] == 1
    assert result.provenance.method_id == "linear_interpolation"
    assert result.provenance.margin_mm == 0.5


def test_a_notebook_shows_one_line_for_each_object(study: Path) -> None:
    series = marview.read(study)
    metal = marview.find_metal(series, threshold_hu=5000)
    result = marview.reduce(series, "linear_interpolation", metal=metal)
    assert repr(series.volume) == "Volume(4 slices of 80 x 80, voxels of 3 x 2 x 2 mm)"
    assert repr(series) == f"LoadedSeries({series.volume!r})"
    assert re.fullmatch(r"SeriesReport\(\w+: .{2,80}\)", repr(series.report))
    assert "T^T" not in repr(series.report)
    assert repr(metal) == f"Metal({metal.mask.sum()} voxels in 2 of 4 slices, above 5000 HU)"
    assert repr(result).startswith("Reduction(")
    assert repr(result).endswith("2 of 4 slices corrected)")
    scan = marview.protocol("adn-256")
    tissue = np.full((1, *scan.shape), 40.0)
    rod = np.zeros_like(tissue)
    rod[0, 120:128, 120:128] = 1.0
    simulated = repr(marview.simulate(tissue, {"ti": rod}, scan))
    assert simulated.startswith("Simulation(1 x ")
    assert "through metal" in simulated
    assert max(map(len, (simulated, repr(series), repr(metal), repr(result)))) < 120


def test_a_volume_without_files_is_corrected_but_not_written_as_dicom(study: Path, tmp_path: Path) -> None:
    volume = marview.read(study).volume
    result = marview.reduce(volume, "linear_interpolation", metal=volume.hu > 5000, slices=[2])
    assert result.slices == (2,)
    with pytest.raises(marview.UsageError, match=r"marview\.read"):
        marview.write_dicom(result, tmp_path / "out")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda v: marview.reduce(v, "no_such"), "no method 'no_such'"),
        (lambda v: marview.reduce(v, "nmarr"), r"no method 'nmarr'\. Did you mean 'nmar'\?"),
        (lambda v: marview.reduce(v, metal=np.zeros((1, 2, 3), bool)), "shape"),
        (lambda v: marview.reduce(v, slices=[9]), "Slice 9 is out of range"),
        (lambda v: marview.reduce(v, slices=1), "a list of indices"),
        (lambda v: marview.reduce(v, slices=[1.5]), "a list of indices"),
        (lambda v: marview.reduce("demo/study"), r"marview\.read\('demo/study'\)"),
        (lambda v: marview.reduce(v.volume.hu), "not ndarray"),
        (lambda v: marview.reduce(v, metal="metal.nii.gz"), r"marview\.read\('metal\.nii\.gz'\)"),
        (lambda v: marview.reduce(v, metal=np.full(v.volume.hu.shape, 0.3)), "0 and 1"),
        (lambda v: marview.reduce(v, metal=np.full(v.volume.hu.shape, np.nan)), "0 and 1"),
        (lambda v: marview.find_metal(v, margin_mm=np.nan), "length in mm"),
        (lambda v: marview.find_metal(v, threshold_hu=np.inf), "number of HU"),
        (lambda v: marview.Volume(v.volume.hu[:2], v.volume.grid), "shape"),
        (lambda v: marview.Volume(v.volume.hu.astype(float), v.volume.grid), "int16"),
        (lambda v: marview.evaluate(v.volume.hu[:2], v.volume.hu, v.volume.hu > 5000), "the same shape"),
        (lambda v: marview.reduce(v, "nmar", parameters={"colour": 1}), "colour"),
        (lambda v: marview.reduce(v, "nmar", device="gpu"), "no device 'gpu'. Choose auto, cpu or cuda"),
        (lambda v: marview.find_metal(v, threshold_hu="2000"), "number of HU, not '2000'"),
        (lambda v: marview.find_metal(v, margin_mm="1"), "length in mm, not '1'"),
        (lambda _: marview.read(5), "A path is needed, not int"),
        (lambda v: marview.write_dicom(v.volume.hu, "out"), r"marview\.reduce is needed, not ndarray"),
        (lambda v: marview.simulate(v.volume.hu, {}, "adn-265"), "no protocol 'adn-265'"),
    ],
)
def test_wrong_calls_are_refused_with_a_sentence(study: Path, call: Callable, sentence: str) -> None:
    with pytest.raises(marview.UsageError, match=sentence):
        call(marview.read(study))


def test_a_mask_of_numbers_and_numpy_slice_indices_are_accepted(study: Path) -> None:
    series = marview.read(study)
    mask = (series.volume.hu > 5000).astype(np.uint8)
    result = marview.reduce(series, "linear_interpolation", metal=mask, slices=np.array([2]))
    assert result.slices == (2,)
    assert isinstance(result.slices[0], int)


def test_a_mask_of_most_of_the_body_is_refused(study: Path) -> None:
    series = marview.read(study)
    with pytest.raises(marview.BadInput, match="of the body"):
        marview.reduce(series, metal=series.volume.hu > -500)


def test_a_margin_that_changes_nothing_says_so(study: Path) -> None:
    found = marview.find_metal(marview.read(study), margin_mm=0.5)
    assert "A margin of 0.5 mm changes nothing" in found.notes[-1]
    assert "changes nothing" not in " ".join(marview.find_metal(marview.read(study), margin_mm=2.5).notes)


def test_slices_without_metal_are_refused(study: Path) -> None:
    series = marview.read(study)
    with pytest.raises(marview.NoMetal, match="No metal was found in these slices"):
        marview.reduce(series, slices=[0])
    with pytest.raises(marview.NoMetal, match="The mask marks no metal in these slices"):
        marview.reduce(series, metal=np.zeros(series.volume.hu.shape, bool))


def test_a_threshold_above_all_values_says_so(study: Path) -> None:
    found = marview.find_metal(marview.read(study), threshold_hu=9500)
    assert not found.mask.any()
    assert found.notes == ("No voxel is above 9500 HU: the highest has 9000 HU.",)


def test_a_folder_of_several_series_asks_for_an_argument_of_python(study: Path, tmp_path: Path) -> None:
    volume = marview.read(study).volume
    for name in "ab":
        write_ct_series(volume.hu, volume.grid, tmp_path / name, Labels("T^T", "T", "S", name), seed=name)
    with pytest.raises(marview.BadInput, match="Choose one with series=UID"):
        marview.read(tmp_path)


def test_a_protocol_is_accepted_by_name() -> None:
    scan = marview.protocol("adn-256")
    rod = np.zeros((1, *scan.shape))
    rod[0, 120:128, 120:128] = 1.0
    by_name, by_protocol = (marview.simulate(0 * rod, {"ti": rod}, each).sinogram for each in ("adn-256", scan))
    assert bool((by_name == by_protocol).all())


def test_a_margin_grows_the_mask(study: Path) -> None:
    series = marview.read(study)
    plain, grown = marview.find_metal(series), marview.find_metal(series, margin_mm=3.0)
    assert plain.mask.sum() < grown.mask.sum()
    assert "margin +3 mm" in grown.origin


def test_every_public_name_is_there_and_documented() -> None:
    for name in marview.__all__:
        assert getattr(marview, name).__doc__, name
    assert set(marview.__all__) <= set(dir(marview))


def test_every_public_name_is_on_the_page_of_the_api() -> None:
    page = (Path(__file__).parents[1] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    names = page.partition("## Stable names")[2].partition("## Objects")[0]
    assert [name for name in marview.__all__ if not re.search(rf"`{name}\b", names)] == []


def test_a_misspelt_name_asks_for_the_similar_one() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'redcue'\. Did you mean 'reduce'\?"):
        _ = marview.redcue


def test_importing_marview_imports_nothing_heavy() -> None:
    code = "import sys, marview; print([m for m in ('torch', 'numpy', 'PySide6', 'pydicom') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
