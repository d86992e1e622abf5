"""Attributes of derived slices; dciodvfy finds no error in them."""

import shutil
import subprocess

import numpy as np
import pydicom
import pytest

from marview import dicom
from marview.dicom import Derivation, write_derived_series
from marview.dicom.derived_attributes import TYPE_2
from tests.dicom.derived import HOW, stored_of

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
    added[2] = 1
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
        assert new.DerivationDescription == HOW.text(is_changed=z == 2)
        assert ("This slice is unchanged." in new.DerivationDescription) == (z != 2)
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
    assert len(how.text(is_changed=False)) <= 1024
    assert how.text().isascii()
    assert how.text().endswith("review with the source images."), "what is cut is the parameters"


def test_the_margin_of_the_mask_distinguishes_two_derived_series() -> None:
    plain, shrunk = Derivation("LI", "1"), Derivation("LI", "1", margin_mm=-2.0)
    assert "Margin of the metal mask: -2 mm." in shrunk.text()
    assert "argin" not in plain.text()


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
def test_dciodvfy_finds_no_error_although_the_source_lacks_required_attributes(slices, save, tmp_path):
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
        stored[0 if number == 1 else 3, :2] = 7  # a corner or a side
        dataset.PixelData = stored.tobytes()
        dataset.add_new(0x00280120, "US", 7)
    loaded = dicom.open_series(save(slices))
    correction = np.zeros(loaded.volume.hu.shape, np.float32)
    written = write_derived_series(loaded, correction, Derivation("LI", "1"), tmp_path / "out")
    named = ["PixelPaddingValue" in pydicom.dcmread(file) for file in written.files]
    assert named == [False, True, False, False, False]
