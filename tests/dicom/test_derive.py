import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest

from marview import dicom
from marview.dicom import Derivation, write_derived_series
from marview.dicom.derive import TYPE_2
from marview.dicom.quiet import quiet
from marview.errors import BadInput, UsageError

HOW = Derivation("Normalized MAR", "1.2", "threshold_hu=2000, margin_mm=0.5", "ab" * 32)


def stored_of(path):
    with quiet():
        dataset = pydicom.dcmread(path)
    kind = "<i2" if dataset.PixelRepresentation else "<u2"
    return np.frombuffer(dataset.PixelData, kind).reshape(dataset.Rows, dataset.Columns).astype(int), dataset


@pytest.fixture
def loaded(slices, save):
    return dicom.open_series(save(slices))


@pytest.fixture
def correction(loaded):
    """A correction in slices 1 and 2 that clips nothing."""
    added = np.zeros(loaded.volume.hu.shape, np.float32)
    added[1:3, 2:5] = np.random.default_rng(3).normal(0, 60, (2, 3, 6))
    return np.clip(added, -1024 - loaded.volume.hu, 3071 - loaded.volume.hu).astype(np.float32)


def test_the_result_is_source_plus_correction_within_half_a_step(loaded, correction, tmp_path):
    written = write_derived_series(loaded, correction, HOW, tmp_path / "out")
    assert written.has_own_rescale
    again = dicom.open_series(tmp_path / "out")
    assert again.report.findings == ()
    assert again.volume.grid == loaded.volume.grid
    assert np.abs(again.volume.hu - (loaded.volume.hu + correction)).max() <= 0.5 + 1e-3
    assert [path.name for path in written.files] == [f"slice_{n:05d}.dcm" for n in range(1, 6)]
    assert sorted((tmp_path / "out").iterdir()) == list(written.files)


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


KEPT = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "AccessionNumber",
    "FrameOfReferenceUID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "PatientPosition",
    "KVP",
    "Manufacturer",
    "InstanceNumber",
    "AcquisitionNumber",
    "SliceThickness",
]


def test_attributes_follow_the_table(slices, save, tmp_path):
    for dataset in slices:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"]
        dataset.SmallestImagePixelValue = dataset.LargestImagePixelValue = 3
        dataset.LossyImageCompression = "01"
        dataset.add_new(0x00291010, "OB", b"ab")
        dataset.add_new(0x00290010, "LO", "SECRET CREATOR")
        dataset.add_new(0x60003000, "OW", b"\0\0")
        dataset.add_new(0x60000010, "US", 1)
        item = pydicom.Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2", "1.3"
        item.add_new(0x00290010, "LO", "SECRET CREATOR")
        dataset.ReferencedImageSequence = [item]
    loaded = dicom.open_series(save(slices))
    added = np.zeros(loaded.volume.hu.shape, np.float32)
    written = write_derived_series(loaded, added, HOW, tmp_path / "out", neighbours=1)
    seen = set()
    for z, path in enumerate(written.files):
        _, new = stored_of(path)
        for keyword in KEPT:
            assert new[keyword].value == slices[z][keyword].value, keyword
        assert new.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
        assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
        assert new.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        assert new.SeriesInstanceUID == written.series_uid != slices[z].SeriesInstanceUID
        assert new.SeriesNumber != slices[z].SeriesNumber
        assert list(new.ImageType) == ["DERIVED", "SECONDARY", "AXIAL", "CT_SOM5 SPI"]
        assert "Normalized MAR" in new.SeriesDescription
        assert len(new.SeriesDescription) <= 64
        assert new.DerivationDescription == HOW.text
        assert new.DerivationCodeSequence[0].CodingSchemeDesignator == "99MARVIEW"
        assert new.CodingSchemeIdentificationSequence[0].CodingSchemeDesignator == "99MARVIEW"
        sources = [item.ReferencedSOPInstanceUID for item in new.SourceImageSequence]
        near = [k for k in (z - 1, z + 1) if 0 <= k < 5]
        assert sources == [slices[k].SOPInstanceUID for k in [z, *near]]
        assert new.SourceImageSequence[0].SpatialLocationsPreserved == "YES"
        assert new.SourceImageSequence[0].PurposeOfReferenceCodeSequence[0].CodeValue == "121322"
        assert new.ContributingEquipmentSequence[-1].PurposeOfReferenceCodeSequence[0].CodeValue == "109102"
        assert (new.RescaleType, new.LossyImageCompression, new.BurnedInAnnotation) == ("HU", "01", "NO")
        assert not [element for element in new.iterall() if element.tag.is_private]
        for gone in ("SmallestImagePixelValue", "LargestImagePixelValue", "PlanarConfiguration"):
            assert gone not in new
        assert not any(element.tag.group == 0x6000 for element in new)
        seen.add(new.SOPInstanceUID)
    assert len(seen) == 5


def test_long_texts_are_cut_to_their_elements():
    how = Derivation("Ünlimited " * 30, "1", "p=1, " * 500)
    assert len(how.text) <= 1024
    assert how.text.isascii()
    assert how.text.endswith("review with the source images."), "what is cut is the parameters"


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


# -- refusals and failures ----------------------------------------------------------------------------------------


def untouched(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_that_holds_something_is_not_overwritten(loaded, correction, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    before = untouched(tmp_path)
    with pytest.raises(UsageError, match="not empty"):
        write_derived_series(loaded, correction, HOW, tmp_path / "out")
    assert untouched(tmp_path) == before
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"


def test_an_empty_folder_is_used(loaded, correction, tmp_path):
    (tmp_path / "out").mkdir()
    write_derived_series(loaded, correction, HOW, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_a_full_disk_leaves_nothing_behind(loaded, correction, tmp_path, monkeypatch):
    import errno

    from marview.dicom import derive

    written = []

    def full(path, data):
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        path.write_bytes(data)

    monkeypatch.setattr(derive, "write_flushed", full)
    before = untouched(tmp_path)
    with pytest.raises(BadInput, match="disk is full"):
        write_derived_series(loaded, correction, HOW, tmp_path / "out")
    assert untouched(tmp_path) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_target_is_refused(loaded, correction, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(BadInput, match="may not write"):
        write_derived_series(loaded, correction, HOW, tmp_path / "locked" / "out")


def test_a_wrong_write_is_found_on_reading_back(loaded, correction, tmp_path, monkeypatch):
    from marview.dicom import derive

    def wrong(path, data):
        path.write_bytes(data[:-2] + b"\xff\x0f")

    monkeypatch.setattr(derive, "write_flushed", wrong)
    with pytest.raises(BadInput, match="read back"):
        write_derived_series(loaded, correction, HOW, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_cancelling_leaves_nothing_behind(loaded, correction, tmp_path):
    seen = []
    before = untouched(tmp_path)
    with pytest.raises(dicom.Cancelled):
        write_derived_series(
            loaded, correction, HOW, tmp_path / "out", on_slice=seen.append, is_cancelled=lambda: len(seen) == 2
        )
    assert untouched(tmp_path) == before


def test_a_source_that_changed_since_is_refused(loaded, correction, tmp_path):
    # also shorter: the message must say that the file changed, not that pixels are missing
    (tmp_path / "series" / "001.dcm").write_bytes((tmp_path / "series" / "000.dcm").read_bytes()[:-2])
    with pytest.raises(BadInput, match=r"001\.dcm has changed"):
        write_derived_series(loaded, correction, HOW, tmp_path / "out")


def test_a_correction_that_is_not_finite_is_refused(loaded, correction, tmp_path):
    correction[0, 0, 0] = np.nan
    with pytest.raises(BadInput, match="not numbers"):
        write_derived_series(loaded, correction, HOW, tmp_path / "out")


def test_a_source_without_uids_is_refused(slices, save, tmp_path):
    for dataset in slices:
        dataset.StudyInstanceUID = ""
    loaded = dicom.open_series(save(slices))
    with pytest.raises(BadInput, match="names no UID"):
        write_derived_series(loaded, np.zeros(loaded.volume.hu.shape, np.float32), HOW, tmp_path / "out")


# -- the standard's own checkers ----------------------------------------------------------------------------------

needs_dicom3tools = pytest.mark.skipif(
    shutil.which("dciodvfy") is None or shutil.which("dcentvfy") is None, reason="dicom3tools is not installed"
)


def verdict(path) -> set[str]:
    done = subprocess.run(["dciodvfy", "-new", str(path)], capture_output=True, text=True)
    return {line for line in (done.stderr + done.stdout).splitlines() if line.startswith(("Error", "Warning"))}


def assert_clean(sources, files):
    known = set().union(*(verdict(path) for path in sources))
    for path in files:
        for line in verdict(path):
            assert line.startswith("Warning"), line
            assert line in known or "99MARVIEW" in line, line
    done = subprocess.run(["dcentvfy", *map(str, files)], capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


@needs_dicom3tools
def test_dciodvfy_finds_nothing_new(slices, save, loaded, correction, tmp_path):
    written = write_derived_series(loaded, correction, HOW, tmp_path / "out")
    assert_clean(sorted((tmp_path / "series").iterdir()), written.files)


@needs_dicom3tools
def test_dciodvfy_finds_no_error_though_the_source_lacks_what_it_must_have(slices, save, tmp_path):
    for dataset in slices:
        for keyword in (*TYPE_2, "BodyPartExamined", "ImageType", "FrameOfReferenceUID", "WindowWidth"):
            if keyword in dataset and keyword != "InstanceNumber":
                delattr(dataset, keyword)
        dataset.PlanarConfiguration = 0
    folder = save(slices)
    loaded = dicom.open_series(folder)
    written = write_derived_series(loaded, np.zeros(loaded.volume.hu.shape, np.float32), HOW, tmp_path / "out")
    assert_clean(sorted(folder.iterdir()), written.files)


@needs_dicom3tools
@pytest.mark.slow
def test_all_98_real_slices_are_clean(shared_data, tmp_path):
    folder = shared_data / "real_metal" / "sternal_wires"
    loaded = dicom.open_series(folder)
    added = np.zeros(loaded.volume.hu.shape, np.float32)
    added[7:33, 100:300, 100:400] = np.random.default_rng(0).normal(0, 20, (26, 200, 300))
    added = np.clip(added, -1024 - loaded.volume.hu, 3071 - loaded.volume.hu).astype(np.float32)
    written = write_derived_series(loaded, added, HOW, tmp_path / "out")
    assert len(written.files) == 98
    assert written.has_own_rescale
    assert_clean(sorted(folder.iterdir()), written.files)
    again = dicom.open_series(tmp_path / "out")
    untouched_slices = ~added.any(axis=(1, 2))
    np.testing.assert_array_equal(again.volume.hu[untouched_slices], loaded.volume.hu[untouched_slices])
    assert np.abs(again.volume.hu - (loaded.volume.hu + added)).max() <= 0.5


def test_a_real_series_without_image_type_is_made_whole(shared_data, tmp_path):
    source = tmp_path / "few"
    source.mkdir()
    for number in range(60, 64):
        shutil.copy(shared_data / "real_metal" / "sternal_wires" / f"1-{number:03d}.dcm", source)
    loaded = dicom.open_series(source)
    written = write_derived_series(loaded, np.zeros(loaded.volume.hu.shape, np.float32), HOW, tmp_path / "out")
    _, dataset = stored_of(written.files[0])
    assert list(dataset.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
    assert dataset.Manufacturer == ""


def test_a_series_number_stays_an_integer_string(slices, save, tmp_path):
    for dataset in slices:
        dataset.SeriesNumber = 2**31 - 1
    loaded = dicom.open_series(save(slices))
    correction = np.zeros(loaded.volume.hu.shape, np.float32)
    written = dicom.write_derived_series(loaded, correction, dicom.Derivation("LI", "1"), tmp_path / "out")
    assert pydicom.dcmread(written.files[0]).SeriesNumber == 1000


def test_a_source_of_8_bits_becomes_a_ct_image_of_16_bits_allocated(slices, save, tmp_path):
    stored = np.random.default_rng(4).integers(0, 256, (5, 8, 6)).astype(np.uint8)
    for dataset, image in zip(slices, stored, strict=True):
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit = 7
        dataset.RescaleSlope = "16"
        dataset.PixelData = image.tobytes()
        dataset["PixelData"].VR = "OB"
    loaded = dicom.open_series(save(slices))
    correction = np.zeros(loaded.volume.hu.shape, np.float32)
    written = write_derived_series(loaded, correction, Derivation("LI", "1"), tmp_path / "out")
    derived = pydicom.dcmread(written.files[2])
    assert (derived.BitsAllocated, derived.BitsStored, derived.HighBit) == (16, 12, 11)
    assert derived["PixelData"].VR == "OW"
    np.testing.assert_array_equal(np.frombuffer(derived.PixelData, "<u2").reshape(8, 6), stored[2])
    assert written.has_own_rescale


def test_values_beyond_bits_stored_are_written_as_they_were_read(slices, save, tmp_path):
    stored = np.random.default_rng(5).integers(0, 60, (5, 8, 6))
    stored[:, 2:5, 2:5] += 9000
    for dataset, image in zip(slices, stored, strict=True):
        dataset.PixelData = image.astype("<u2").tobytes()
    loaded = dicom.open_series(save(slices))
    correction = np.zeros(loaded.volume.hu.shape, np.float32)
    written = write_derived_series(loaded, correction, Derivation("LI", "1"), tmp_path / "out")
    again = dicom.open_series(written.folder)
    np.testing.assert_array_equal(again.volume.hu, stored - 1024)
    assert again.report.findings == ()


def test_a_padding_value_is_named_only_where_there_is_padding(slices, save, tmp_path):
    for number, dataset in enumerate(slices):
        stored = np.frombuffer(dataset.PixelData, "<u2").reshape(8, 6).copy()
        stored[stored == 7] = 8
        stored[0 if number == 1 else slice(3, 4), 2:4] = 7
        dataset.PixelData = stored.tobytes()
        dataset.add_new(0x00280120, "US", 7)
    loaded = dicom.open_series(save(slices))
    correction = np.zeros(loaded.volume.hu.shape, np.float32)
    written = write_derived_series(loaded, correction, Derivation("LI", "1"), tmp_path / "out")
    named = ["PixelPaddingValue" in pydicom.dcmread(file) for file in written.files]
    assert named == [False, True, False, False, False]
