"""Fixture: a small CT series whose attributes tests can change."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from marview import dicom


def slice_of(z: int, stored: np.ndarray, series_uid: str, study_uid: str, frame_uid: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.2")
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.StudyDate, dataset.StudyTime, dataset.Modality = "20200102", "101010", "CT"
    dataset.AccessionNumber, dataset.ReferringPhysicianName, dataset.Manufacturer = "A1", "", "Maker"
    dataset.SeriesDescription = "Pelvis 2.0"
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "P1"
    dataset.PatientBirthDate, dataset.PatientSex = "19500101", "F"
    dataset.BodyPartExamined = "PELVIS"
    dataset.SliceThickness, dataset.KVP, dataset.PatientPosition = "2", "120", "HFS"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = UID(study_uid), UID(series_uid)
    dataset.FrameOfReferenceUID = UID(frame_uid)
    dataset.StudyID, dataset.SeriesNumber, dataset.AcquisitionNumber, dataset.InstanceNumber = "1", 3, 1, z + 1
    dataset.PositionReferenceIndicator = ""
    dataset.ImagePositionPatient = [-10.0, -20.0, 100.0 + 2.0 * z]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.PixelSpacing = [0.5, 0.75]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "-1024", "1", "HU"
    dataset.WindowWidth, dataset.WindowCenter = "400", "40"
    dataset.PixelData = stored.astype("<u2").tobytes()
    return dataset


@pytest.fixture
def slices() -> list[Dataset]:
    """Five slices of 8 x 6 pixels, 2 mm apart, from the foot end."""
    rng = np.random.default_rng(7)
    series, study, frame = (generate_uid(prefix=None) for _ in range(3))
    return [slice_of(z, rng.integers(0, 4096, (8, 6)), series, study, frame) for z in range(5)]


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write datasets into a new folder and return it."""

    def write(datasets: list[Dataset], name: str = "series", **options: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for number, dataset in enumerate(datasets):
            dataset.save_as(folder / f"{number:03d}.dcm", enforce_file_format=True, **options)
        return folder

    return write


def hu_of(dataset: Dataset) -> np.ndarray:
    """HU of a 12-bit unsigned slice written by a test."""
    stored = np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns)
    return stored.astype(float) * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)


@pytest.fixture(name="hu_of")
def hu_of_fixture() -> Callable[[Dataset], np.ndarray]:
    return hu_of


@pytest.fixture
def loaded(slices, save):
    return dicom.open_series(save(slices))


@pytest.fixture
def correction(loaded):
    """A correction in slices 1 and 2 that clips nothing."""
    added = np.zeros(loaded.volume.hu.shape, np.float32)
    added[1:3, 2:5] = np.random.default_rng(3).normal(0, 60, (2, 3, 6))
    return np.clip(added, -1024 - loaded.volume.hu, 3071 - loaded.volume.hu).astype(np.float32)
