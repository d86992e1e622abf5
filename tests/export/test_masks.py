"""Masks as DICOM SEG, NIfTI and NRRD: other programs read the same mask, and reading back is exact."""

import shutil
import subprocess
from pathlib import Path

import highdicom
import nibabel as nib
import nrrd
import numpy as np
import pytest
from pydicom import dcmread

from marview import dicom, export
from marview.dicom import LoadedSeries
from marview.dicom.make import Labels, write_ct_series
from marview.dicom.mask_file import read_mask
from marview.errors import BadInput, UsageError
from marview.geometry import Grid

NAMES = ["mask.nii.gz", "mask.nii", "mask.nrrd", "mask.dcm"]


def oblique_grid(shape: tuple[int, int, int]) -> Grid:
    turn, _ = np.linalg.qr(np.array([[0.9, 0.2, -0.1], [-0.2, 0.95, 0.1], [0.1, -0.1, 1.0]]))
    turn *= np.sign(np.diag(turn))
    affine = np.eye(4)
    affine[:3, 2], affine[:3, 1], affine[:3, 0] = 0.7 * turn[:, 0], 0.8 * turn[:, 1], 2.5 * turn[:, 2]
    affine[:3, 3] = 12, -34, 56
    return Grid(shape, affine)


def write_series(folder: Path, grid: Grid, seed: str = "oblique", patient: str = "OBL-1") -> Path:
    hu = np.random.default_rng(4).integers(-200, 900, grid.shape).astype(np.int16)
    write_ct_series(hu, grid, folder, Labels("ONE^SKEW", patient, "A study", "Skew"), seed=seed, study_seed=seed)
    return folder


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> LoadedSeries:
    """Six slices oblique to the patient's axes."""
    return dicom.open_series(write_series(tmp_path_factory.mktemp("masks") / "skew", oblique_grid((6, 11, 9))))


@pytest.fixture(scope="module")
def mask(series: LoadedSeries) -> np.ndarray:
    """Metal in slices 1, 2 and 4, different in each."""
    mask = np.zeros(series.volume.hu.shape, bool)
    mask[1, 2:5, 3:7] = mask[2, 3:4, 1:8] = mask[4, 9, 0] = True
    return mask


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_comes_back_to_the_bit(series: LoadedSeries, mask: np.ndarray, tmp_path: Path, name: str) -> None:
    read = read_mask(export.write_mask(tmp_path / name, mask, series), series)
    np.testing.assert_array_equal(read.mask, mask)
    assert read.notes == ()


def lps_of(mask: np.ndarray, grid: Grid) -> np.ndarray:
    points = grid.to_patient(np.argwhere(mask))
    return points[np.lexsort(points.round(2).T)]


def test_nibabel_finds_the_metal_where_it_is_in_the_patient(series, mask, tmp_path) -> None:
    image = nib.load(export.write_mask(tmp_path / "m.nii.gz", mask, series))
    ras = nib.affines.apply_affine(image.affine, np.argwhere(np.asarray(image.dataobj)))
    lps = ras * [-1, -1, 1]
    np.testing.assert_allclose(lps[np.lexsort(lps.round(2).T)], lps_of(mask, series.volume.grid), atol=1e-3)


def test_nrrd_says_where_its_voxels_are_in_lps(series, mask, tmp_path) -> None:
    values, header = nrrd.read(str(export.write_mask(tmp_path / "m.nrrd", mask, series)))
    assert header["space"] == "left-posterior-superior"
    lps = np.argwhere(values) @ header["space directions"] + header["space origin"]
    np.testing.assert_allclose(lps[np.lexsort(lps.round(2).T)], lps_of(mask, series.volume.grid), atol=1e-3)


def test_highdicom_reads_the_segmentation_and_finds_its_sources(series, mask, tmp_path) -> None:
    path = export.write_mask(tmp_path / "m.dcm", mask, series, origin="above 2000 HU", is_automatic=True)
    segmentation = highdicom.seg.segread(path)
    volume = segmentation.get_volume(combine_segments=True, allow_missing_positions=True)
    lps = volume.map_indices_to_reference(np.argwhere(volume.array))
    np.testing.assert_allclose(lps[np.lexsort(lps.round(2).T)], lps_of(mask, series.volume.grid), atol=1e-3)
    uids = [header.sop_uid for header in series.sources]
    frames = segmentation.get_pixels_by_source_instance(
        uids, combine_segments=True, ignore_spatial_locations=True, assert_missing_frames_are_empty=True
    )
    np.testing.assert_array_equal(frames.astype(bool), mask)
    (segment,) = segmentation.SegmentSequence
    assert segment.SegmentLabel == "Metal"
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    dataset, source = dcmread(path), series.sources[0]
    assert dataset.PatientID == source.patient_id
    assert dataset.StudyInstanceUID == source.study_uid
    assert dataset.FrameOfReferenceUID == source.frame_of_reference_uid
    assert dataset.SeriesInstanceUID != source.series_uid


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error(series, mask, tmp_path) -> None:
    path = export.write_mask(tmp_path / "m.dcm", mask, series)
    said = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True).stderr
    assert [line for line in said.splitlines() if line.startswith("Error")] == []


@pytest.mark.data
@pytest.mark.slow
def test_the_metal_of_real_wires_survives_a_round_trip(shared_data: Path, tmp_path: Path) -> None:
    """Reads 98 slices of 512 x 512."""
    series = dicom.open_series(shared_data / "real_metal" / "sternal_wires")
    mask = series.volume.hu > 2000
    for name in NAMES:
        np.testing.assert_array_equal(read_mask(export.write_mask(tmp_path / name, mask, series), series).mask, mask)
    said = subprocess.run(["dciodvfy", "-new", str(tmp_path / "mask.dcm")], capture_output=True, text=True).stderr
    assert "Error" not in said


def test_metal_in_a_single_slice_of_overlapping_slices_stays_in_that_slice(tmp_path) -> None:
    folder = write_series(tmp_path / "s", Grid.from_spacing((4, 8, 8), (1.0, 1.0, 1.0)))
    for path in folder.iterdir():
        dataset = dcmread(path)
        dataset.SliceThickness = 3
        dataset.save_as(path)
    series = dicom.open_series(folder)
    mask = np.zeros((4, 8, 8), bool)
    mask[2, 3, 4] = True
    np.testing.assert_array_equal(read_mask(export.write_mask(tmp_path / "m.dcm", mask, series), series).mask, mask)


def test_a_missing_slice_does_not_shift_the_others(tmp_path) -> None:
    folder = write_series(tmp_path / "s", oblique_grid((6, 11, 9)))
    sorted(folder.iterdir())[3].unlink()
    series = dicom.open_series(folder)
    assert series.gaps == (3,)
    mask = np.zeros((6, 11, 9), bool)
    mask[[0, 2, 4, 5], 5, 5] = True
    np.testing.assert_array_equal(read_mask(export.write_mask(tmp_path / "m.dcm", mask, series), series).mask, mask)


def test_a_failed_write_gives_a_message(series, mask, tmp_path) -> None:
    with pytest.raises(UsageError, match=r"m\.mha does not end in"):
        export.write_mask(tmp_path / "m.mha", mask, series)
    with pytest.raises(BadInput, match="empty"):
        export.write_mask(tmp_path / "m.dcm", np.zeros_like(mask), series)
    volume = export.write_nifti(tmp_path / "v.nii", series.volume.hu, series.volume.grid)
    with pytest.raises(BadInput, match="is a NIfTI file, but a DICOM SEG refers to DICOM images"):
        export.write_mask(tmp_path / "m.dcm", mask, dicom.open_series(volume))
    assert [path.name for path in tmp_path.iterdir()] == ["v.nii"]
