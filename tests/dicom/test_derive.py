"""Pixel values of a derived series."""

import shutil

import numpy as np
import pydicom
import pytest

from marview import dicom
from marview.dicom import derive, write_derived_series
from marview.dicom.cannot_write import CannotWrite
from marview.dicom.quiet import note_caught, quiet
from marview.volume.correction import corrected
from tests.dicom.derived import HOW, stored_of


def test_the_result_is_source_plus_correction_within_half_a_step(loaded, correction, tmp_path):
    written = write_derived_series(loaded, correction, HOW, tmp_path / "out")
    assert written.has_own_rescale
    again = dicom.open_series(tmp_path / "out")
    assert again.report.findings == ()
    assert again.volume.grid == loaded.volume.grid
    assert np.abs(again.volume.hu - (loaded.volume.hu + correction)).max() <= 0.5 + 1e-3
    assert [path.name for path in written.files] == [f"slice_{n:05d}.dcm" for n in range(1, 6)]
    assert sorted((tmp_path / "out").iterdir()) == list(written.files)


@pytest.mark.parametrize("intercept", [-1024, -1023, -8191])
def test_the_file_holds_what_the_window_shows_also_for_halves(slices, save, tmp_path, intercept):
    for dataset in slices:
        dataset.RescaleIntercept = str(intercept)
    loaded = dicom.open_series(save(slices))
    added = np.resize(np.array([0.5, -0.5, 1.5, -32.5, 0.25], np.float32), loaded.volume.hu.shape)
    added[(loaded.volume.hu < intercept + 40) | (loaded.volume.hu > intercept + 4090)] = 0  # nothing clips
    assert write_derived_series(loaded, added, HOW, tmp_path / "out").has_own_rescale
    again = dicom.open_series(tmp_path / "out")
    np.testing.assert_array_equal(again.volume.hu, corrected(loaded.volume.hu, added))


def test_slices_without_correction_keep_their_stored_values_to_the_bit(loaded, correction, tmp_path, slices):
    written = write_derived_series(loaded, correction, HOW, tmp_path / "out")
    for z in (0, 3, 4):
        with quiet():
            dataset = pydicom.dcmread(written.files[z])
        assert dataset.PixelData == slices[z].PixelData
        assert dataset.RescaleSlope == slices[z].RescaleSlope
        assert dataset.BitsStored == 12


def test_slope_per_slice_is_kept(slices, save, tmp_path):
    for z, dataset in enumerate(slices):
        dataset.RescaleSlope, dataset.RescaleIntercept = str(0.5 + 0.25 * z), str(-1000 - z)
    loaded = dicom.open_series(save(slices))
    added = np.zeros(loaded.volume.hu.shape, np.float32)
    added[2] = np.where(loaded.volume.hu[2] < 1000, 33.3, -33.3)
    written = write_derived_series(loaded, added, HOW, tmp_path / "out")
    assert written.has_own_rescale
    for z, path in enumerate(written.files):
        stored, dataset = stored_of(path)
        slope, intercept = float(dataset.RescaleSlope), float(dataset.RescaleIntercept)
        assert (slope, intercept) == (0.5 + 0.25 * z, -1000 - z)
        source = np.frombuffer(slices[z].PixelData, "<u2").reshape(8, 6)
        exact = source * slope + intercept + added[z]
        assert np.abs(stored * slope + intercept - exact).max() <= slope / 2 + 1e-3


def test_where_one_slice_clips_one_wider_mapping_serves_the_series(loaded, tmp_path):
    added = np.zeros(loaded.volume.hu.shape, np.float32)
    added[1] = -2000.25
    written = write_derived_series(loaded, added, HOW, tmp_path / "out")
    assert not written.has_own_rescale
    mappings = set()
    for z, path in enumerate(written.files):
        stored, dataset = stored_of(path)
        mappings.add((dataset.RescaleSlope, dataset.RescaleIntercept, dataset.BitsStored, dataset.PixelRepresentation))
        assert np.abs(stored - (loaded.volume.hu[z] + added[z])).max() <= 0.5
    assert mappings == {(1, 0, 16, 1)}


def test_a_range_beyond_16_bits_gets_the_smallest_slope_that_fits(slices, save, tmp_path):
    for dataset in slices:
        dataset.RescaleSlope = "30"
    loaded = dicom.open_series(save(slices))
    added = np.full(loaded.volume.hu.shape, -3000, np.float32)
    written = write_derived_series(loaded, added, HOW, tmp_path / "out")
    exact = [np.frombuffer(d.PixelData, "<u2").reshape(8, 6) * 30.0 - 1024 - 3000 for d in slices]
    span = max(map(np.max, exact)) - min(map(np.min, exact))
    for z, path in enumerate(written.files):
        stored, dataset = stored_of(path)
        assert len(str(dataset.RescaleSlope)) <= 16
        slope = float(dataset.RescaleSlope)
        assert slope == pytest.approx(span / 65535, rel=1e-3)
        assert np.abs(stored * slope + float(dataset.RescaleIntercept) - exact[z]).max() <= slope / 2 + 1e-6


def test_values_shown_clipped_are_written_exactly(slices, save, tmp_path):
    for dataset in slices:
        dataset.RescaleSlope = "10"
    loaded = dicom.open_series(save(slices))
    added = np.zeros(loaded.volume.hu.shape, np.float32)
    added[0, 0, 0] = 10
    slices[0].PixelData = slices[0].PixelData
    written = write_derived_series(loaded, added, HOW, tmp_path / "out")
    stored, _ = stored_of(written.files[1])
    np.testing.assert_array_equal(stored, np.frombuffer(slices[1].PixelData, "<u2").reshape(8, 6))


def test_padding_stays_padding(slices, save, tmp_path):
    for dataset in slices:
        stored = np.frombuffer(dataset.PixelData, "<u2").reshape(8, 6).copy()
        stored[0] = 0
        dataset.PixelData = stored.tobytes()
        dataset.add_new(0x00280120, "US", 0)
    loaded = dicom.open_series(save(slices))
    added = np.zeros(loaded.volume.hu.shape, np.float32)
    added[2, 0] = 500
    written = write_derived_series(loaded, added, HOW, tmp_path / "own")
    stored, dataset = stored_of(written.files[2])
    assert (stored[0] == 0).all()
    assert dataset.PixelPaddingValue == 0
    added[2, 1:] = -3000
    written = write_derived_series(loaded, added, HOW, tmp_path / "wide")
    stored, dataset = stored_of(written.files[2])
    assert (stored[0] == dicom.PADDING_HU).all()
    assert "PixelPaddingValue" not in dataset


def test_the_rest_of_an_incomplete_series_is_written(slices, save, tmp_path):
    loaded = dicom.open_series(save(slices[:2] + slices[3:]))
    written = write_derived_series(loaded, np.zeros(loaded.volume.hu.shape, np.float32), HOW, tmp_path / "out")
    assert len(written.files) == 4
    again = dicom.open_series(tmp_path / "out")
    assert again.gaps == (2,)
    assert again.volume.grid == loaded.volume.grid


@pytest.mark.parametrize("encoding", [(True, True), (False, False)])
def test_implicit_and_big_endian_sources_are_written_as_explicit_little_endian(slices, save, tmp_path, encoding):
    is_implicit, is_little = encoding
    for dataset in slices:
        syntax = pydicom.uid.ImplicitVRLittleEndian if is_implicit else pydicom.uid.ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = syntax
        if not is_little:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").byteswap().tobytes()
    loaded = dicom.open_series(save(slices, implicit_vr=is_implicit, little_endian=is_little))
    written = write_derived_series(loaded, np.zeros(loaded.volume.hu.shape, np.float32), HOW, tmp_path / "out")
    again = dicom.open_series(tmp_path / "out")
    np.testing.assert_array_equal(again.volume.hu, loaded.volume.hu)
    assert again.sources[0].patient_name == "Doe^Jane"
    assert stored_of(written.files[0])[1].ImagePositionPatient == slices[0].ImagePositionPatient


def test_a_single_slice_goes_the_whole_way(slices, save, tmp_path):
    loaded = dicom.open_series(save(slices) / "003.dcm")
    added = np.zeros(loaded.volume.hu.shape, np.float32)
    added[0, 4, 4] = 12
    write_derived_series(loaded, added, HOW, tmp_path / "out")
    again = dicom.open_series(tmp_path / "out")
    np.testing.assert_array_equal(again.volume.hu, loaded.volume.hu + added)


def test_a_zip_goes_the_whole_way(slices, save, tmp_path):
    shutil.make_archive(str(tmp_path / "study"), "zip", save(slices))
    loaded = dicom.open_series(tmp_path / "study.zip")
    write_derived_series(loaded, np.zeros(loaded.volume.hu.shape, np.float32), HOW, tmp_path / "out")
    np.testing.assert_array_equal(dicom.open_series(tmp_path / "out").volume.hu, loaded.volume.hu)


def test_too_little_memory_to_check_a_written_slice_is_not_called_damage(loaded, correction, tmp_path, monkeypatch):
    stored_values = derive.stored_values

    def scarce(header):
        if header.name == "slice_00001.dcm":
            note_caught(MemoryError(), header.name)
        return stored_values(header)

    monkeypatch.setattr(derive, "stored_values", scarce)
    with pytest.raises(CannotWrite, match="not enough memory to check") as refused:
        write_derived_series(loaded, correction, HOW, tmp_path / "out")
    assert "damaged" not in str(refused.value)
    assert not (tmp_path / "out").exists()
