"""Write a volume as an original CT series, for `marview demo` and `marview simulate`."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID

from marview import __version__
from marview.dicom.atomic import whole_folder, write_flushed
from marview.dicom.encode import MAKER, decimal_text, set_pixels, short_text, stamp, to_bytes
from marview.dicom.header import CT_IMAGE
from marview.dicom.quiet import quiet
from marview.geometry import Grid

_UUID_SPACE = uuid.UUID("9be0b0a5-65a0-4b3c-8c5e-6f1b9d0f3a51")


@dataclass(frozen=True)
class Labels:
    """Names and descriptions of a simulated series.

    Attributes:
        patient_name: patient name in DICOM format, family^given.
        body_part: defined term of PS3.16 annex L, such as PELVIS; empty if none fits.
        comments: text for Image Comments that says how the series was made.
        window: initial width and level in HU.
        kernel: reconstruction kernel.
    """

    patient_name: str
    patient_id: str
    study_description: str
    series_description: str
    series_number: int = 1
    body_part: str = ""
    comments: str = ""
    kvp: float | None = None
    kernel: str = ""
    window: tuple[float, float] = (400.0, 40.0)


def write_ct_series(
    hu: NDArray[Any], grid: Grid, folder: Path | str, labels: Labels, *, seed: str = "", study_seed: str = ""
) -> tuple[Path, ...]:
    """Write a volume as an original CT series: 12 bits with intercept -1024 if possible, otherwise signed 16 bits.

    Args:
        hu: HU, `[z, y, x]`, rounded to whole numbers.
        grid: grid with orthogonal rows and columns.
        folder: output folder, new or empty.
        labels: names and descriptions.
        seed: seed for the UIDs; by default, every call creates new UIDs.
        study_seed: seed shared by series of the same study and frame of reference; by default `seed`.

    Returns:
        Paths of the files, ordered from the foot end.

    Raises:
        CannotWrite: the disk is full or read-only. No partial files remain.
        UsageError: the folder is not empty.
        ValueError: the volume does not fit the grid, or its HU do not fit into 16 bits.
    """
    folder = Path(folder)
    hu = np.asarray(hu)
    if hu.shape != grid.shape:
        raise ValueError(f"HU of shape {hu.shape} on a grid of shape {grid.shape}")
    if hu.dtype.kind == "f" and not np.isfinite(hu).all():
        raise ValueError("HU contain NaN or infinity")
    is_twelve_bit = bool(np.rint(hu.min()) >= -1024 and np.rint(hu.max()) <= 3071)
    intercept, bits = (-1024, 12) if is_twelve_bit else (0, 16)
    seed = seed or uuid.uuid4().hex
    dataset = _common(grid, labels, seed, study_seed or seed)
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = str(intercept), "1", "HU"
    files = []
    with quiet(), whole_folder(folder, bytes_needed=hu.size * 2 + 8192 * len(hu)) as part:
        for z in range(len(hu)):
            dataset.SOPInstanceUID = _uid(seed, f"slice {z}")
            dataset.InstanceNumber = z + 1
            dataset.ImagePositionPatient = [decimal_text(round(mm, 6)) for mm in grid.to_patient((z, 0, 0)).tolist()]
            stored = np.rint(hu[z]).astype(np.int64) - intercept
            set_pixels(dataset, stored, bits_stored=bits, is_signed=not is_twelve_bit)
            path = part / f"slice_{z + 1:05d}.dcm"
            write_flushed(path, to_bytes(dataset))
            files.append(folder / path.name)
    return tuple(files)


def _uid(seed: str, role: str) -> UID:
    return UID(f"2.25.{uuid.uuid5(_UUID_SPACE, f'{seed}/{role}').int}")


def _common(grid: Grid, labels: Labels, seed: str, study_seed: str) -> Dataset:
    spacing_z, spacing_y, spacing_x = grid.spacing_mm
    row, column = grid.affine[:3, 2] / spacing_x, grid.affine[:3, 1] / spacing_y
    if abs(float(row @ column)) > 1e-4:
        raise ValueError("rows and columns are not at right angles, so DICOM cannot represent the grid")
    date, time = stamp()
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPClassUID = UID(CT_IMAGE)
    for keyword in ("Study", "Series", "Acquisition", "Content", "InstanceCreation"):
        setattr(dataset, f"{keyword}Date", date)
        setattr(dataset, f"{keyword}Time", time)
    dataset.AccessionNumber = ""
    dataset.Modality = "CT"
    dataset.Manufacturer, dataset.ManufacturerModelName = MAKER, f"{MAKER} simulation"
    dataset.SoftwareVersions = __version__
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = short_text(labels.study_description, 64)
    dataset.SeriesDescription = short_text(labels.series_description, 64)
    dataset.PatientName, dataset.PatientID = labels.patient_name, labels.patient_id
    dataset.PatientBirthDate, dataset.PatientSex = "", ""
    if labels.body_part:
        dataset.BodyPartExamined = labels.body_part
    dataset.SliceThickness = decimal_text(round(spacing_z, 6))
    dataset.KVP = None if labels.kvp is None else decimal_text(labels.kvp)
    dataset.ConvolutionKernel = labels.kernel or None
    dataset.PatientPosition = "HFS"
    dataset.StudyInstanceUID = _uid(study_seed, "study")
    dataset.SeriesInstanceUID = _uid(seed, "series")
    dataset.StudyID, dataset.SeriesNumber, dataset.AcquisitionNumber = "1", labels.series_number, 1
    dataset.ImageOrientationPatient = [decimal_text(round(value, 9)) for value in [*row.tolist(), *column.tolist()]]
    dataset.FrameOfReferenceUID = grid.frame_of_reference_uid or _uid(study_seed, "frame")
    dataset.PositionReferenceIndicator = ""
    dataset.ImageLaterality = None
    if labels.comments:
        dataset.ImageComments = short_text(labels.comments, 1024)
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelSpacing = [decimal_text(round(spacing_y, 9)), decimal_text(round(spacing_x, 9))]
    dataset.WindowWidth, dataset.WindowCenter = (decimal_text(value) for value in labels.window)
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    return dataset
