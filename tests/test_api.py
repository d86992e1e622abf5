"""The Python API, used as in a notebook."""

import json
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

import marview
import marview.physics
import marview.volume
from marview.dicom.make import Labels, write_ct_series
from marview.dicom.report import Finding, Kind, Outcome
from marview.export import write_nifti
from marview.geometry import Grid
from marview.mar import discover


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


def water(series: marview.LoadedSeries) -> marview.Volume:
    """The first slice of the study, without metal."""
    return marview.Volume(series.volume.hu[:1], marview.Grid.from_spacing((1, 80, 80), series.volume.grid.spacing_mm))


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


def test_the_hu_and_the_mask_of_a_study_are_read_only(study: Path) -> None:
    series = marview.read(study)
    for array in (series.volume.hu, marview.find_metal(series).mask):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_projector_accepts_read_only_arrays_and_a_list_as_shape(study: Path) -> None:
    series = marview.read(study)
    projector = marview.Projector(marview.protocol("adn-256").beam, [80, 80], pixel_mm=1.0)
    trace = projector.trace(marview.find_metal(series).mask)
    assert trace.any(dim=2).any(dim=1).tolist() == [False, True, True, False]
    assert projector.forward(series.volume.hu).shape == trace.shape


def test_a_notebook_shows_one_line_for_each_object(study: Path) -> None:
    series = marview.read(study)
    metal = marview.Metal(series.volume.hu > 5000, "above 5000 HU")
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


def test_an_edited_mask_is_a_new_mask_with_its_own_origin(study: Path) -> None:
    series = marview.read(study)
    found = marview.find_metal(series, threshold_hu=5000)
    with pytest.raises(ValueError, match="read-only"):
        found.mask[1] = False
    edited = found.mask.copy()
    edited[1] = False
    drawn = marview.Metal(edited, "drawn by me")
    edited[:] = False
    result = marview.reduce(series, "linear_interpolation", metal=drawn)
    assert result.slices == (2,)
    assert (result.provenance.mask_origin, result.provenance.threshold_hu) == ("drawn by me", None)


def test_the_record_names_the_threshold_once(study: Path) -> None:
    series = marview.read(study)
    metal = marview.find_metal(series, threshold_hu=5000, margin_mm=3)
    record = marview.reduce(series, "linear_interpolation", metal=metal).provenance
    assert record.threshold_hu == 5000
    assert "Metal mask: above 5000 HU, margin +3 mm." in record.text()


def test_an_automatic_mask_says_that_it_was_grown(study: Path) -> None:
    series = marview.read(study)
    assert re.fullmatch(r"adaptive, grown from voxels above \d+ HU", marview.find_metal(series).origin)
    assert marview.find_metal(water(series)).origin == "adaptive"


def test_a_gap_warns_when_read_and_needs_an_argument_when_corrected(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "study")
    sorted((tmp_path / "study").iterdir())[1].unlink()
    with pytest.warns(UserWarning, match="A slice is missing") as told:
        series = marview.read(tmp_path / "study")
    assert told[0].filename == __file__
    with pytest.raises(marview.BadInput, match=r"unreadable: slice [23] \(index [12]\)\. Pass across_gaps=True"):
        marview.reduce(series, "linear_interpolation")
    result = marview.reduce(series, "linear_interpolation", across_gaps=True)
    assert len(marview.write_dicom(result, tmp_path / "out")) == 3
    with pytest.warns(UserWarning, match=r"Missing or unreadable slices \([23]\) are written as -1024 HU") as told:
        written = marview.write_nifti(result, tmp_path / "nifti")
    assert told[0].filename == __file__
    assert "are written as -1024 HU" in json.loads(written[2].read_text(encoding="utf-8"))["notes"][-1]


def test_reading_a_series_that_methods_refuse_warns_why(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "study")
    for path in (tmp_path / "study").iterdir():
        header = pydicom.dcmread(path)
        header.Modality = "MR"
        header.save_as(path)
    with pytest.warns(UserWarning, match="This is MR, not CT"):
        assert not marview.read(tmp_path / "study").report.is_volume


def test_reading_a_mask_does_not_warn_but_reading_attenuation_does(study: Path, tmp_path: Path) -> None:
    volume = marview.read(study).volume
    write_nifti(tmp_path / "mask.nii.gz", volume.hu > 5000, volume.grid)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mask = marview.read(tmp_path / "mask.nii.gz")
    assert "are between 0 and 1, like" in mask.report.reason
    image = nib.Nifti1Image(np.full((8, 8, 3), 0.19, np.float32), np.eye(4))
    nib.save(image, tmp_path / "mu.nii.gz")
    with pytest.warns(UserWarning, match="like attenuation in 1/cm"):
        marview.read(tmp_path / "mu.nii.gz")


def test_a_series_that_can_only_be_viewed_is_not_corrected(study: Path) -> None:
    series = marview.read(study)
    finding = Finding(Kind.NOT_HU, "These are not HU.", Outcome.VIEWS)
    only_viewed = replace(series, report=replace(series.report, findings=(finding,)))
    for call in (marview.find_metal, lambda v: marview.reduce(v, metal=series.volume.hu > 5000)):
        with pytest.raises(marview.BadInput, match=r"These are not HU\."):
            call(only_viewed)


@pytest.mark.parametrize("has_files", [True, False])
def test_a_result_is_written_as_nifti(study: Path, tmp_path: Path, has_files: bool) -> None:
    series = marview.read(study)
    result = marview.reduce(series if has_files else series.volume, "linear_interpolation")
    corrected, metal, record = marview.write_nifti(result, tmp_path / "out")
    written = marview.read(corrected).volume
    np.testing.assert_array_equal(written.hu, result.hu)
    np.testing.assert_allclose(written.grid.affine, series.volume.grid.affine, atol=1e-4)
    np.testing.assert_array_equal(marview.read(metal).volume.hu > 0, result.mask)
    assert json.loads(record.read_text(encoding="utf-8"))["method_id"] == "linear_interpolation"


def test_a_result_of_a_nifti_file_is_not_written_as_dicom(study: Path, tmp_path: Path) -> None:
    first = marview.write_nifti(marview.reduce(marview.read(study), "linear_interpolation"), tmp_path / "first")[0]
    again = marview.reduce(marview.read(first), "linear_interpolation")
    advice = r"Write the result as NIfTI\. To do so, call marview\.write_nifti\.$"
    with pytest.raises(marview.BadInput, match=advice):
        marview.write_dicom(again, tmp_path / "out")
    assert len(marview.write_nifti(again, tmp_path / "out")) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="a thread cannot send Ctrl-C to the main thread")
def test_an_interrupted_run_prints_nothing(study: Path) -> None:
    code = f"""
import signal, threading, marview

signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it

def interrupt(_fraction):
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

series = marview.read({str(study)!r})
try:
    marview.reduce(series, "linear_interpolation", on_progress=interrupt)
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


def test_the_log_stays_off_the_terminal() -> None:
    code = "import logging, marview; logging.getLogger('marview.dicom.quiet').warning('a file was refused')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr == ""


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
        (lambda v: marview.reduce(v, slices=[9]), "Slice index 9 is out of range; valid indices are 0 to 3."),
        (lambda v: marview.reduce(v, slices=1), "a list of indices"),
        (lambda v: marview.reduce(v, slices=[1.5]), "a list of indices"),
        (lambda v: marview.reduce("demo/study"), r"marview\.read\('demo/study'\)"),
        (lambda v: marview.reduce(v.volume.hu), "not ndarray"),
        (lambda v: marview.reduce(v, metal="metal.nii.gz"), r"marview\.read\('metal\.nii\.gz'\)"),
        (lambda v: marview.reduce(v, metal=np.full(v.volume.hu.shape, 0.3)), "0 and 1"),
        (lambda v: marview.reduce(v, metal=np.full(v.volume.hu.shape, np.nan)), "0 and 1"),
        (lambda v: marview.find_metal(v, margin_mm=np.nan), "length in mm"),
        (lambda v: marview.find_metal(v, threshold_hu=np.inf), "number in HU"),
        (lambda v: marview.Volume(v.volume.hu[:2], v.volume.grid), "shape"),
        (lambda v: marview.Volume(v.volume.hu.astype(float), v.volume.grid), "int16"),
        (lambda v: marview.evaluate(v.volume.hu[:2], v.volume.hu, v.volume.hu > 5000), "the same shape"),
        (lambda v: marview.reduce(v, "nmar", parameters={"colour": 1}), "colour"),
        (lambda v: marview.reduce(v, "nmar", device="gpu"), "no device 'gpu'. Choose auto, cpu or cuda"),
        (lambda v: marview.find_metal(v, threshold_hu="2000"), "number in HU, not '2000'"),
        (lambda v: marview.find_metal(v, margin_mm="1"), "length in mm, not '1'"),
        (lambda _: marview.read(5), "must be a string or a Path, not int"),
        (lambda v: marview.write_dicom(v.volume.hu, "out"), r"Expected a result of marview\.reduce, not ndarray"),
        (lambda v: marview.simulate(v.volume.hu, {}, "adn-265"), "no protocol 'adn-265'"),
        (lambda v: marview.reduce(v, None), "identifier, such as 'nmar', not None"),
        (lambda v: marview.reduce(v, parameters=["clamp"]), "a dictionary of names and values, not list"),
        (lambda v: marview.write_dicom(marview.reduce(v, "linear_interpolation"), None), "Expected a folder"),
        (lambda v: marview.Metal(np.full(v.volume.hu.shape, 0.3), "drawn by me"), "0 and 1"),
        (lambda v: marview.Metal(v.volume.hu[0] > 5000, "drawn by me"), r"three axes \[z, y, x\].* \(80, 80\)"),
        (
            lambda v: marview.Projector(marview.protocol("adn-256").beam, pixel_mm=v.volume.grid.spacing_mm[1:]),
            r"pixel_mm must be a single number, in mm, not \(2\.0, 2\.0\)",
        ),
        (
            lambda _: marview.Projector(marview.protocol("adn-256").beam, 256, pixel_mm=0.6),
            r"shape must be the numbers of rows and columns, such as \(256, 256\), not 256\.",
        ),
        (
            lambda _: marview.Projector(marview.protocol("adn-256"), pixel_mm=0.6),
            r"beam must be a ParallelBeam, a FanBeamFlat or a FanBeamArc, .* not Protocol\.",
        ),
        (lambda v: marview.evaluate(*[v.volume.hu[0]] * 2, None), r"three axes .* \(80, 80\).* with hu\[None\]"),
        (lambda v: marview.reduce(v, parameters={"smoothing_px": np.nan}), "smoothing_px must be a finite number"),
        (lambda v: marview.evaluate(*[v.volume.hu] * 2, np.full(v.volume.hu.shape, 0.3)), "0 and 1"),
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


def test_a_margin_that_shrinks_the_mask_says_so(study: Path) -> None:
    assert "shrunk by 2 mm" in " ".join(marview.find_metal(marview.read(study), margin_mm=-2).notes)


def test_slices_without_metal_are_refused(study: Path) -> None:
    series = marview.read(study)
    with pytest.raises(marview.NoMetal, match="No metal was found in these slices"):
        marview.reduce(series, slices=[0])
    with pytest.raises(marview.NoMetal, match=r"no voxel reaches .*set a threshold: metal=marview\.find_metal"):
        marview.reduce(water(series))
    with pytest.raises(marview.NoMetal, match="The mask marks no metal in these slices"):
        marview.reduce(series, metal=np.zeros(series.volume.hu.shape, bool))
    with pytest.raises(marview.NoMetal, match=r"highest value is 9000 HU\..* set a lower threshold"):
        marview.reduce(series, metal=marview.find_metal(series, threshold_hu=9500))


def test_a_note_names_chosen_slices_without_metal(study: Path) -> None:
    result = marview.reduce(marview.read(study), "linear_interpolation", slices=[0, 1])
    assert result.slices == (1,)
    assert result.provenance.notes[-1] == "Slices without metal were not corrected: slice 4 (index 0)."
    whole = marview.reduce(marview.read(study), "linear_interpolation", slices=[1])
    assert "not corrected" not in " ".join(whole.provenance.notes)


def test_a_threshold_above_all_values_says_so(study: Path) -> None:
    found = marview.find_metal(marview.read(study), threshold_hu=9500)
    assert not found.mask.any()
    assert found.notes[-1] == "No voxel is above 9500 HU. The highest value is 9000 HU."


def test_a_threshold_on_a_clipped_scale_says_so(study: Path) -> None:
    volume = marview.read(study).volume
    clipped = marview.Volume(volume.hu.clip(max=3071), volume.grid)
    notes = marview.find_metal(clipped, threshold_hu=2000).notes
    assert "The HU scale is clipped at 3071" in " ".join(notes)


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


def test_the_methods_of_the_list_can_be_used() -> None:
    titles = marview.list_methods()
    assert titles["linear_interpolation"] == "Linear interpolation"
    assert "rdn_ct" not in titles, "it has no weights, so reduce refuses it"
    assert titles == {one.id: one.manifest.title for one in discover() if one.manifest is not None and one.is_usable}
